-- What nginx does with a request before it passes it on: it asks the gateway for its decision, and does as that
-- says. Nothing is decided here. Without a decision, nothing passes. What may happen to each request is written so that
-- LuaJIT compiles it: without patterns, closures and `unpack`.

require "resty.core"

local answer = require "tokenward.answer"
local edits = require "tokenward.edits"
local head = require "tokenward.request_head"
local kept = require "tokenward.kept"
local trace = require "tokenward.trace"

local byte, find, lower, sub = string.byte, string.find, string.lower, string.sub
local set_header, clear_header = ngx.req.set_header, ngx.req.clear_header
local capture, var = ngx.location.capture, ngx.var

local _M = { told = answer.told, refuse = answer.refuse }

-- What of a refusal belongs to the connection on which it came.
local OF_THE_CONNECTION = {
    connection = true, ["keep-alive"] = true, ["transfer-encoding"] = true, date = true, server = true,
    ["tokenward-decision"] = true,
}

-- By byte: the digit that it is in a percent-encoding, and whether it needs none (RFC 3986 §6.2.2).
local DIGIT, UNRESERVED = {}, {}
for at = 0, 255 do
    DIGIT[at] = tonumber(string.char(at), 16)
    UNRESERVED[at] = find(string.char(at), "^[%w._~-]$") ~= nil
end


local function is_canonical(path)
    local at = find(path, "%", 1, true)
    while at do
        local first, second = byte(path, at + 1, at + 2)
        local high, low = DIGIT[first or 0], DIGIT[second or 0]
        if high and low and (first >= 97 or second >= 97 or UNRESERVED[high * 16 + low]) then
            return false
        end
        at = find(path, "%", at + 1, true)
    end
    return true
end


-- Whether the gateway's own listener forwards this, because it is bound otherwise than its API.
local function is_other(others, path)
    local pattern = others[var.request_method]
    return pattern and ngx.re.find(path, pattern, "jo") ~= nil
end


-- The client gets the gateway's refusal, or its answer to a preflight, as it is.
local function pass_on(res)
    ngx.status = res.status
    for name, value in pairs(res.header) do
        if not OF_THE_CONNECTION[lower(name)] then
            ngx.header[name] = value
        end
    end
    ngx.header["server"] = nil
    if res.status == 204 then
        ngx.header["content-length"] = nil
        ngx.send_headers()
    else
        ngx.print(res.body)
    end
    return ngx.exit(ngx.HTTP_OK)
end


-- Ask the gateway. Returns the decision and its headers if it allows; otherwise the client has been answered.
local function ask(api, seen, there)
    local whole = api.shown
    local options = { args = seen.nominated }
    if whole and seen.body then
        ngx.req.read_body()
        options.always_forward_body = true
        options.method = ngx.HTTP_POST -- so that the body is passed on; proxy_method says the client's own
    end
    local res = capture(whole and "/;tokenward/whole" or "/;tokenward/head", options)
    local header = res.header
    local said = header["tokenward-decision"]
    if res.truncated then
        return ngx.exit(503)
    end
    if said == "allow" and res.status == 200 then
        -- The gateway may know a new policy before nginx has its new locations: it allows what it names.
        if header["tokenward-api"] ~= api.name or not header["x-request-id"] then
            return ngx.exit(503)
        end
        return edits.read(header, there, var.http_authorization), header
    end
    if (said == "deny" and res.status >= 400) or (said == "preflight" and res.status == 204) then
        return pass_on(res)
    end
    return ngx.exit(503)
end


local function apply(allow)
    local it = allow.edits
    local removed = it.removed
    for at = 1, #removed do
        clear_header(removed[at])
    end
    if allow.cookie then
        set_header("cookie", allow.cookie)
    end
    var.tokenward_authorization = allow.authorization
    var.tokenward_request_id = allow.request_id
    var.tokenward_traceparent = allow.traceparent
    if allow.tracestate ~= "" then
        var.tokenward_tracestate = allow.tracestate
    end
    if it.told ~= "" then
        var.tokenward_told = it.told -- for an error page, which hears of nothing else
    end
    ngx.ctx = allow
end


-- Access phase of an API's location. `api` says its `name`, its `mount` with a slash, its `base` at the upstream likewise, how
-- many bytes of a body decisions are `shown` (nil for none), whether decisions may be `kept`, which paths of a
-- method are for the gateway's own listener (`others`, nil for none), and whether it may happen that nginx is told how
-- a client came (`proxied`), and that a client has a certificate (`certified`).
function _M.access(api)
    local target = var.request_uri
    local query = find(target, "?", 1, true)
    local path = query and sub(target, 1, query - 1) or target
    local mount = api.mount
    local seen = head.look()
    if not seen then
        return ngx.exit(400)
    end
    -- nginx chose this location by what it made of the path. What counts is the path as it was sent.
    if sub(path, 1, #mount) ~= mount
        or seen.lasting or (api.others and is_other(api.others, path))
        or (seen.body and (seen.body == math.huge or (api.shown and seen.body > api.shown)))
        or not is_canonical(path)
    then
        return ngx.exec("@tokenward_gateway")
    end

    local allow, name, key
    if api.kept and seen.facts and not seen.body
        and not (api.certified and var.tokenward_certificate ~= "")
    then
        name, key = kept.facts(seen.facts, api.proxied and var.tokenward_scheme or "")
        allow = kept.recall(name, key)
        if allow then
            trace.renew(allow, seen)
        end
    end
    if not allow then
        local there = head.names()
        if not there then
            return ngx.exec("@tokenward_gateway")
        end
        local asked_at = name and kept.now()
        local header
        allow, header = ask(api, seen, there)
        if name then
            kept.keep(name, key, allow, header, asked_at)
        end
    end
    apply(allow)
    var.tokenward_target = api.base .. sub(target, #mount + 1)
end


-- Before a request goes to the gateway's own listener: that judges what `Connection` nominates.
function _M.hand_over()
    local seen = head.look()
    if not seen then
        return ngx.exit(400)
    end
    var.tokenward_connection = seen.connection or ""
end


return _M
