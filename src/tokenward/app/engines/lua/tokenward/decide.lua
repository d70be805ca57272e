-- What nginx does with a request before it passes it on, and with the answer that comes back: it asks the
-- gateway for its decision, and does as that says. Nothing is decided here. Without a decision, nothing passes.

require "resty.core"

local head = require "tokenward.request_head"
local kept = require "tokenward.kept"
local trace = require "tokenward.trace"

local find, sub, lower, gsub, gmatch = string.find, string.sub, string.lower, string.gsub, string.gmatch
local concat = table.concat
local set_header, clear_header = ngx.req.set_header, ngx.req.clear_header
local capture, var = ngx.location.capture, ngx.var

local _M = {}

-- What the gateway says of the request on its way up, and nginx sets from its own variables: so whatever the
-- client sent by these names goes nowhere. The other three say what nginx knows itself.
local TRACE = { "x-request-id", "traceparent", "tracestate" }
local OF_THE_CONNECTION_ITSELF = { "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host" }

-- Headers of an answer to which several contribute: both sayings stand.
local JOINED = { link = true, ratelimit = true, ["ratelimit-policy"] = true, vary = true }

-- What of a refusal belongs to the connection on which it came.
local OF_THE_CONNECTION = {
    connection = true, ["keep-alive"] = true, ["transfer-encoding"] = true, date = true, server = true,
    ["tokenward-decision"] = true,
}

-- Percent-encoded, but in need of no encoding (RFC 3986 §6.2.2.2).
local UNRESERVED = "^[%w._~-]$"


local function is_canonical(path)
    if not find(path, "%", 1, true) then
        return true
    end
    for digits in gmatch(path, "%%(%x%x)") do
        if find(digits, "%l") or find(string.char(tonumber(digits, 16)), UNRESERVED) then
            return false
        end
    end
    return true
end


-- Whether the gateway's own listener forwards this, because it is bound otherwise than its API.
local function is_other(api, path)
    local pattern = api.others and api.others[var.request_method]
    return pattern and ngx.re.find(path, pattern, "jo") ~= nil
end


local function lines_of(value)
    return type(value) == "table" and value or { value }
end


local function names_in(list)
    local names = {}
    for name in gmatch(list or "", "[^,%s]+") do
        names[name] = true
    end
    return names
end


-- The decision that nginx's subrequest brought, as one table.
local function read(header)
    local removed = names_in(header["x-envoy-auth-headers-to-remove"])
    local allow = {
        authorization = header["authorization"]
            or (not removed["authorization"] and var.http_authorization) or "",
        request_id = header["x-request-id"],
        traceparent = header["traceparent"] or "",
        tracestate = header["tracestate"] or "",
        put = {}, set = {}, default = {},
        hide = header["tokenward-hide"] or "",
        private = header["tokenward-private"] == "1",
    }
    if header["cookie"] then
        allow.put = { "cookie", header["cookie"] }
    end
    -- What nginx sets anyway need not be removed before.
    removed["authorization"] = nil
    for _, name in ipairs(TRACE) do
        removed[name] = nil
    end
    for _, name in ipairs(OF_THE_CONNECTION_ITSELF) do
        removed[name] = nil
    end
    local there = ngx.req.get_headers(0, true)
    local sent = {}
    for name in pairs(there) do
        sent[lower(name)] = true
    end
    local list = {}
    for name in pairs(removed) do
        if sent[name] then
            list[#list + 1] = name
        end
    end
    allow.removed = concat(list, ",")
    for name, value in pairs(header) do
        name = lower(name)
        local told, rest
        if sub(name, 1, 14) == "tokenward-set-" then
            told, rest = allow.set, sub(name, 15)
        elseif sub(name, 1, 18) == "tokenward-default-" then
            told, rest = allow.default, sub(name, 19)
        end
        if told then
            for _, line in ipairs(lines_of(value)) do
                told[#told + 1] = rest
                told[#told + 1] = line
            end
        end
    end
    return allow
end


-- The client gets the gateway's refusal, or its answer to a preflight, as it is.
local function answer(res)
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
local function ask(whole, body, nominated)
    local options = { args = nominated }
    if whole and body then
        ngx.req.read_body()
        options.always_forward_body = true
        options.method = ngx.HTTP_POST -- so that the body is passed on; proxy_method says the client's own
    end
    local res = capture(whole and "/;tokenward/whole" or "/;tokenward/head", options)
    local said = res.header["tokenward-decision"]
    if res.truncated or type(said) ~= "string" then
        return ngx.exit(503)
    end
    if said == "allow" and res.status == 200 then
        local allow = read(res.header)
        if not allow.request_id then
            return ngx.exit(503)
        end
        return allow, res.header
    end
    if (said == "deny" and res.status >= 400) or (said == "preflight" and res.status == 204) then
        return answer(res)
    end
    return ngx.exit(503)
end


local function apply(allow)
    local removed = allow.removed
    if removed ~= "" then
        for name in gmatch(removed, "[^,]+") do
            clear_header(name)
        end
    end
    local put = allow.put
    for at = 1, #put, 2 do
        set_header(put[at], put[at + 1])
    end
    var.tokenward_authorization = allow.authorization
    var.tokenward_request_id = allow.request_id
    var.tokenward_traceparent = allow.traceparent
    if allow.tracestate ~= "" then
        var.tokenward_tracestate = allow.tracestate
    end
    if #allow.set > 0 then
        var.tokenward_told = concat(allow.set, "\n") .. "\n" -- for an error page, which hears of nothing else
    end
end


-- Access phase of an API's location. `api` says its `mount`, its `base` at the upstream, how many bytes of a
-- body decisions are `shown` (nil for none), whether decisions may be `kept`, and which paths of a method are
-- for the gateway's own listener (`others`).
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
    if sub(path, 1, #mount + 1) ~= mount .. "/"
        or seen.lasting or is_other(api, path)
        or (seen.body and (seen.body == math.huge or (api.shown and seen.body > api.shown)))
        or find(target, "#", 1, true)
        or not is_canonical(path)
    then
        return ngx.exec("@tokenward_gateway")
    end

    local allow, facts
    if api.kept and seen.facts and not seen.body and var.tokenward_certificate == "" then
        facts = kept.facts(seen.facts)
        allow = kept.recall(facts)
        if allow then
            trace.renew(allow, seen)
        end
    end
    if not allow then
        if head.is_shown_otherwise() then
            return ngx.exec("@tokenward_gateway")
        end
        local asked_at = facts and kept.now()
        local header
        allow, header = ask(api.shown, seen.body, seen.nominated)
        if facts then
            kept.keep(facts, allow, header, asked_at)
        end
    end
    apply(allow)
    ngx.ctx.allow = allow
    var.tokenward_target = api.base .. sub(target, #mount + 1)
end


local function is_ours(cookie)
    cookie = lower(gsub(cookie, "^[= \t]+", ""))
    return sub(cookie, 1, 9) == "tokenward" or sub(cookie, 1, 16) == "__host-tokenward"
end


local function without_our_cookies(value)
    local passed = {}
    for _, line in ipairs(lines_of(value)) do
        if not is_ours(line) then
            passed[#passed + 1] = line
        end
    end
    return passed
end


local function holds_control(value)
    if type(value) ~= "table" then
        return find(value, "[%z\1-\8\10-\31\127]") ~= nil
    end
    for _, line in ipairs(value) do
        if find(line, "[%z\1-\8\10-\31\127]") then
            return true
        end
    end
    return false
end


local function may_be_shared(lines)
    for directive in gmatch(concat(lines, ","), "[^,]+") do
        directive = lower(gsub(gsub(directive, "^%s+", ""), "%s+$", ""))
        if directive == "no-store" or directive == "private" or directive == "public"
            or sub(directive, 1, 9) == "s-maxage="
        then
            return true
        end
    end
    return false
end


local function hidden(name, allow, nominated)
    if sub(name, 1, 6) == "proxy-" or (nominated and nominated[name]) then
        return true
    end
    if allow.hide ~= "" then
        for beginning in gmatch(allow.hide, "[^,]+") do
            if sub(name, 1, #beginning) == beginning then
                return true
            end
        end
    end
    return false
end


local function nominated_behind(connection)
    if not connection or connection == "" then
        return nil
    end
    local names = {}
    for name in gmatch(lower(connection), "[^,%s]+") do
        names[name] = true
    end
    names["content-length"], names["content-type"], names["set-cookie"] = nil, nil, nil
    return names
end


local function add(name, value, own)
    local before = own[name]
    if before == nil then
        own[name] = value
        ngx.header[name] = value
        return
    end
    local lines = { unpack(lines_of(before)) }
    lines[#lines + 1] = value
    own[name] = lines
    ngx.header[name] = lines
end


-- Header filter of an API's location: what the client hears of the API's answer, and of the decision beside it.
function _M.told()
    local allow = ngx.ctx.allow
    ngx.header["server"] = nil
    if not allow then -- the client has been answered in the API's place
        return
    end
    local status = ngx.status
    local own = ngx.resp.get_headers(0)
    local version = ngx.req.http_version() -- nil is none that nginx has a name for, such as 1.2
    if version and version < 1 then -- what the API said is no HTTP, and nginx would pass it on without a head
        return ngx.exit(ngx.ERROR)
    end
    local coding = var.upstream_http_transfer_encoding
    if coding and coding ~= "" and (lower(coding) ~= "chunked" or var.upstream_http_content_length ~= nil) then
        return ngx.exit(502)
    end
    if status < 200 or status > 599 then
        return ngx.exit(502)
    end
    local nominated = nominated_behind(var.upstream_http_connection)
    for name, value in pairs(own) do
        if holds_control(value) then
            return ngx.exit(502)
        end
        if hidden(name, allow, nominated) then
            own[name] = nil
            ngx.header[name] = nil
        end
    end
    if own["set-cookie"] then
        ngx.header["set-cookie"] = without_our_cookies(own["set-cookie"])
    end
    if status == 204 or status == 304 then
        ngx.header["content-length"] = nil
    end
    local there = {}
    for at = 1, #allow.set, 2 do
        there[allow.set[at]] = own[allow.set[at]] ~= nil
    end
    for at = 1, #allow.default, 2 do
        there[allow.default[at]] = own[allow.default[at]] ~= nil
    end
    for at = 1, #allow.set, 2 do
        local name = allow.set[at]
        if not there[name] or JOINED[name] then
            add(name, allow.set[at + 1], own)
        end
    end
    for at = 1, #allow.default, 2 do
        local name = allow.default[at]
        if not there[name] then
            add(name, allow.default[at + 1], own)
        end
    end
    if allow.private then
        local said = own["cache-control"] and lines_of(own["cache-control"]) or {}
        if not may_be_shared(said) then
            local lines = { unpack(said) }
            lines[#lines + 1] = "private"
            ngx.header["cache-control"] = concat(lines, ", ")
        end
    end
    ngx.header["x-request-id"] = allow.request_id
end


-- Before a request goes to the gateway's own listener: that judges what `Connection` nominates.
function _M.hand_over()
    local seen = head.look()
    if not seen then
        return ngx.exit(400)
    end
    var.tokenward_connection = seen.connection or ""
end


-- Content of an error page: nginx's own words are nobody's business. `problems` maps a status to a body.
function _M.refuse(problems)
    local status = ngx.status
    local header = ngx.header
    local body = problems[status] or problems[503]
    local told = {}
    header["content-type"] = "application/problem+json"
    header["cache-control"] = "no-store"
    header["x-content-type-options"] = "nosniff"
    header["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'"
    header["content-length"] = #body
    for name, value in gmatch(var.tokenward_told or "", "([^\n]*)\n([^\n]*)\n") do
        add(name, value, told)
    end
    local request_id = var.tokenward_request_id
    if request_id and request_id ~= "" then
        header["x-request-id"] = request_id
    end
    ngx.print(body)
end


return _M
