-- One look at the head of a request, as it came: what a decision depends on, and what is not for us.
-- Fields are looked at where nginx has them, and nothing that most requests need is a pattern: LuaJIT compiles none.

local ffi = require "ffi"
local base = require "resty.core.base"
require "resty.core.request" -- declares what is called here

local C = ffi.C
local byte, find, lower, sub = string.byte, string.find, string.lower, string.sub
local gmatch, gsub = string.gmatch, string.gsub
local text_of = ffi.string
local get_request = base.get_request
local raw_header, clear_header, var = ngx.req.raw_header, ngx.req.clear_header, ngx.var

local _M = {}

local MOST = 8192 -- fields; nginx takes 32 KB of a head, and the shortest field has four bytes
local FEW = 64
local FIELDS = ffi.typeof("ngx_http_lua_ffi_table_elt_t[?]")
local few = FIELDS(FEW)
local truncated = ffi.new("int[1]")

local LF, CR, SPACE, HYPHEN = 10, 13, 32, 45

-- What of `Connection` says something of the connection alone, and names no field.
local OPTIONS = { ["keep-alive"] = true, close = true, upgrade = true }

local NOTED = {
    accept = true, connection = true, ["content-length"] = true, traceparent = true, tracestate = true,
    ["transfer-encoding"] = true, upgrade = true,
}

local PROTO = "x-forwarded-proto"
local behind, certificate, folded_certificate = false, nil, nil

-- By byte: those of which a name may be (RFC 9110 §5.6.2), and those that no value may hold.
local TOKEN, CONTROL = ffi.new("bool[256]"), ffi.new("bool[256]")
for at = 0, 255 do
    TOKEN[at] = find(string.char(at), "^[%w!#$%%&'*+.^_`|~-]$") ~= nil
    CONTROL[at] = find(string.char(at), "^[%z\1-\8\10-\31\127]$") ~= nil
end


-- A name as a careless server might read it (`gateway.headers.fold`).
local function fold(name)
    name = gsub(gsub(name, "[^a-z0-9]+", "-"), "^%-", "")
    return (gsub(name, "%-$", ""))
end


-- Proxies in front are believed what they say; `name` is the field in which they tell a certificate, if any.
function _M.believe(name)
    behind, certificate = true, name and lower(name)
    folded_certificate = certificate and fold(certificate)
end


-- Whether any byte is one that no value may hold. `data` is a string, or where one begins.
function _M.holds_control(data, length)
    data = ffi.cast("const unsigned char *", data)
    for at = 0, length - 1 do
        if CONTROL[data[at]] then
            return true
        end
    end
    return false
end


local function is_token(data, length)
    for at = 0, length - 1 do
        if not TOKEN[data[at]] then
            return false
        end
    end
    return length > 0
end


-- Whether that is what folding makes of it: letters, digits, and hyphens one at a time between them.
local function is_folded(data, length)
    local before = HYPHEN
    for at = 0, length - 1 do
        local it = data[at]
        if not (it >= 97 and it <= 122 or it >= 48 and it <= 57 or it == HYPHEN and before ~= HYPHEN) then
            return false
        end
        before = it
    end
    return before ~= HYPHEN
end


-- The fields, names in lower case, and how many; nil if they are too many. Good until the next call.
local function fields()
    local request = get_request()
    local count = C.ngx_http_lua_ffi_req_get_headers_count(request, MOST, truncated)
    if count < 0 or truncated[0] ~= 0 then
        return nil, 0
    end
    local list = count <= FEW and few or FIELDS(count)
    if count > 0 and C.ngx_http_lua_ffi_req_get_headers(request, list, count, 0) ~= 0 then
        return nil, 0
    end
    return list, count
end


-- Whether a line, of whose value spaces were cut off here, ends in CR LF. Where it was one space, and LF alone after
-- it, nothing in memory tells: the NUL lies over the space as it would over the CR.
local function is_ended(from)
    local at = 1
    while from[at] == SPACE or from[at] == CR do
        at = at + 1
    end
    return from[at] == LF and from[at - 1] == CR
end


-- Whether this field speaks in a proxy's name by right. nginx finds `X_Ssl_Cert` by `$http_x_ssl_cert` too,
-- and a proxy that sets the one may pass a client's other on. So a certificate is told once, under its very
-- name, and by a proxy, or the request is refused (`app.certificate_header`).
local function is_believable(key, name, seen)
    local folded = is_folded(key.data, key.len) and name or fold(name)
    if folded == folded_certificate then
        if seen.certified or name ~= certificate or var.tokenward_by_proxy ~= "1" then
            return false
        end
        seen.certified = true
    elseif folded == PROTO and name ~= PROTO then
        clear_header(name)
    end
    return true
end


local function joined(before, value)
    return before and before .. "," .. value or value
end


local function note(seen, name, value)
    if name == "accept" then
        seen.lasting = seen.lasting or find(lower(value), "text/event-stream", 1, true) ~= nil
    elseif name == "upgrade" then
        seen.lasting = true
    elseif name == "connection" then
        seen.connection = joined(seen.connection, value)
    elseif name == "content-length" then
        seen.body = seen.body or tonumber(value) or math.huge
    elseif name == "transfer-encoding" then
        seen.body = math.huge
    elseif name == "traceparent" then
        seen.traceparent = seen.traceparent == nil and value -- of several, none counts
        seen.traced = true
    else
        seen.tracestate = joined(seen.tracestate, value)
        seen.traced = true
    end
end


-- Of `Connection`, all if it nominates any field; nil otherwise.
local function nominated(connection)
    if OPTIONS[connection] then
        return nil
    end
    for option in gmatch(connection, "[^,%s]+") do
        if not OPTIONS[lower(option)] then
            return connection
        end
    end
    return nil
end


-- The head without what names a trace.
local function untraced(raw)
    local small = lower(raw)
    local at = find(small, "\ntrace", 1, true)
    while at do
        local ends = find(small, "\n", at + 1, true)
        local name = sub(small, at + 1, find(small, ":", at + 1, true) - 1)
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
-- (nginx cuts spaces off the end of a value, and `raw_header` shows a colon in their place); how many bytes of a
-- `body` follow, infinitely many where nobody says, nil for none; whether something is asked for that lives as
-- long as its credential (`lasting`); `connection`, all of that field, and `nominated`, the same if it names
-- fields; `traceparent` and `tracestate`, if they are there.
function _M.look()
    local list, count = fields()
    local raw = list and raw_header()
    local first = raw and find(raw, "\n", 1, true)
    if not first or byte(raw, first - 1) ~= CR or sub(raw, -4) ~= "\r\n\r\n" then
        return nil
    end
    local seen = { lasting = false }
    local exact = true
    for at = 0, count - 1 do
        local key, value = list[at].key, list[at].value
        -- nginx writes NUL where a value ends: over the CR, or over what was cut off.
        local ends = value.data + value.len
        if ends[1] ~= LF then
            if not is_ended(ends) then
                return nil
            end
            exact = false
        end
        local name = text_of(key.data, key.len)
        if NOTED[name] then
            note(seen, name, text_of(value.data, value.len))
        elseif behind and not is_believable(key, name, seen) then
            return nil
        end
    end
    if seen.connection then
        seen.nominated = nominated(seen.connection)
    end
    if exact then
        seen.facts = seen.traced and untraced(raw) or raw
    end
    return seen
end


-- The names of all fields, in lower case, as a set. Nil if a subrequest would show other fields than go up: it has
-- one of some that are repeated, and spells names that are no tokens, and control characters, percent-encoded.
function _M.names()
    local list, count = fields()
    if not list then
        return nil
    end
    local there = {}
    for at = 0, count - 1 do
        local key, value = list[at].key, list[at].value
        local name = text_of(key.data, key.len)
        if there[name] or not is_token(key.data, key.len) or _M.holds_control(value.data, value.len) then
            return nil
        end
        there[name] = true
    end
    return there
end


return _M
