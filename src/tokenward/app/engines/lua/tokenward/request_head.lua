-- One look at the head of a request, as it came: what a decision depends on, and what is not for us.
-- Plain searches in one string, no loops over fields: those LuaJIT would not compile, and they cost the most.

local ffi = require "ffi"
local base = require "resty.core.base"
require "resty.core.request" -- declares what is called here

local C = ffi.C
local find, gmatch, gsub, lower, match, sub = string.find, string.gmatch, string.gsub, string.lower, string.match, string.sub
local raw_header, clear_header, var = ngx.req.raw_header, ngx.req.clear_header, ngx.var

local _M = {}

local MOST = 8192 -- fields; nginx takes 32 KB of a head, and the shortest field has four bytes
local truncated = ffi.new("int[1]")

-- What of `Connection` says something of the connection alone, and names no field.
local OPTIONS = { ["keep-alive"] = true, close = true, upgrade = true }

local PROTO = "x-forwarded-proto"
local behind, certificate = false, nil


-- Proxies in front are believed what they say; `name` is the field in which they tell a certificate, if any.
function _M.believe(name)
    behind, certificate = true, name and lower(name)
end


-- A name as a careless server might read it (`gateway.headers.fold`).
local function fold(name)
    name = gsub(gsub(name, "[^a-z0-9]+", "-"), "^%-", "")
    return (gsub(name, "%-$", ""))
end


-- Whether nothing speaks in a proxy's name but a proxy. nginx finds `X_Ssl_Cert` by `$http_x_ssl_cert` too,
-- and a proxy that sets the one may pass a client's other on. So a certificate is told once, under its very
-- name, and by a proxy, or the request is refused (`app.certificate_header`).
local function is_believable(small)
    local found, folded_certificate = false, certificate and fold(certificate)
    for name in gmatch(small, "\n([^:\r\n]+)") do
        local folded = fold(name)
        if folded == folded_certificate then
            if found or name ~= certificate or var.tokenward_by_proxy ~= "1" then
                return false
            end
            found = true
        elseif folded == PROTO and name ~= PROTO then
            clear_header(name)
        end
    end
    return true
end


local function joined(name)
    local value = ngx.req.get_headers(0)[name]
    return type(value) == "table" and table.concat(value, ",") or value
end


-- Of `Connection`, all if it nominates any field; nil otherwise.
local function nominated(connection)
    for option in gmatch(connection, "[^,%s]+") do
        if not OPTIONS[lower(option)] then
            return connection
        end
    end
    return nil
end


-- How many bytes of a body are announced, infinitely many where nobody says.
local function announced(small)
    if find(small, "\ntransfer-encoding:", 1, true) then
        return math.huge
    end
    return tonumber(match(small, "\ncontent%-length:[ \t]*(%d+)")) or math.huge
end


-- The head without what names a trace.
local function untraced(raw, small)
    local at = find(small, "\ntrace", 1, true)
    while at do
        local ends = find(small, "\n", at + 1, true)
        local name = match(small, "^[^:]*", at + 1)
        if name == "traceparent" or name == "tracestate" then
            raw, small = sub(raw, 1, at) .. sub(raw, ends + 1), sub(small, 1, at) .. sub(small, ends + 1)
            at = at - 1
        end
        at = find(small, "\ntrace", at + 1, true)
    end
    return raw
end


-- Nil if a line of the head ends as none may. nginx takes a bare line feed for the end of a line, but whoever
-- is before it may not, and reads other fields than it does (RFC 9112 §2.2). Likewise if anybody but a proxy tells
-- a certificate in a proxy's way.
--
-- Otherwise a table: `facts`, the head without what names a trace, nil where two heads would look the same
-- (nginx cuts spaces off the end of a value, and `raw_header` shows a colon in their place); how many bytes of a `body` follow, nil for
-- none; whether something is asked for that lives as long as its credential (`lasting`); `connection`, all of
-- that field, and `nominated`, the same if it names fields; `traceparent` and `tracestate`, if they are there.
function _M.look()
    local raw = raw_header()
    local count = C.ngx_http_lua_ffi_req_get_headers_count(base.get_request(), MOST, truncated)
    local _, lines = gsub(raw, "\r\n", "")
    if count < 0 or truncated[0] ~= 0 or lines ~= count + 2 then
        return nil
    end
    local small = lower(raw)
    if behind and not is_believable(small) then
        return nil
    end
    local seen = { lasting = false }
    if not find(raw, ":\r", 1, true) and not find(raw, " \r", 1, true) then
        seen.facts = raw
    end
    if find(small, "\nupgrade:", 1, true) or find(small, "text/event-stream", 1, true) then
        seen.lasting = true
    end
    if find(small, "\ncontent-length:", 1, true) or find(small, "\ntransfer-encoding:", 1, true) then
        seen.body = announced(small)
    end
    if find(small, "\nconnection:", 1, true) then
        seen.connection = joined("connection")
        seen.nominated = nominated(seen.connection)
    end
    if find(small, "\ntrace", 1, true) then
        seen.facts = seen.facts and untraced(raw, small)
        local there = ngx.req.get_headers(0)
        seen.traceparent, seen.tracestate = there["traceparent"], joined("tracestate")
    end
    return seen
end


-- Whether a subrequest would show other fields than go up: it has one of some that are repeated, and spells
-- names that are no tokens (RFC 9110 §5.6.2), and control characters, percent-encoded.
function _M.is_shown_otherwise()
    local there = {}
    for name, value in pairs(ngx.req.get_headers(0, true)) do
        local small = lower(name)
        if type(value) == "table" or there[small]
            or not find(name, "^[%w!#$%%&'*+.^_`|~-]+$") or find(value, "[%z\1-\8\10-\31\127]")
        then
            return true
        end
        there[small] = true
    end
    return false
end


return _M
