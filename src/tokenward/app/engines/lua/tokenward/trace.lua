-- What names an exchange that is decided on by a decision of before: its names are its own
-- (`tokenward.gateway.trace` does the same for those that are decided on afresh).

local ffi = require "ffi"

local C = ffi.C
local find, gmatch, gsub, match, sub = string.find, string.gmatch, string.gsub, string.match, string.sub
local floor = math.floor

ffi.cdef [[
    int RAND_bytes(unsigned char *buffer, int length);
]]

local _M = {}

local BYTES = 24
local MANY = 64
local pool = ffi.new("unsigned char[?]", BYTES * MANY)
local left = 0

local DIGITS = ffi.new("char[17]", "0123456789abcdef")
local written = ffi.new("char[?]", 2 * BYTES)


-- 48 hexadecimal digits. They name, and keep no secret.
local function fresh()
    if left == 0 then
        if C.RAND_bytes(pool, BYTES * MANY) ~= 1 then
            error("no randomness")
        end
        left = MANY
    end
    left = left - 1
    local from = left * BYTES
    for at = 0, BYTES - 1 do
        local byte = pool[from + at]
        written[2 * at] = DIGITS[bit.rshift(byte, 4)]
        written[2 * at + 1] = DIGITS[bit.band(byte, 15)]
    end
    return ffi.string(written, 2 * BYTES)
end


-- The trace that the client continues, and its flags; nil where it names none (W3C Trace Context §2.2).
local function continued(parent)
    if find(sub(parent, 1, 55), "%u") then
        return nil
    end
    local version, trace_id, span, flags, rest =
        match(parent, "^(%x%x)%-(" .. ("%x"):rep(32) .. ")%-(" .. ("%x"):rep(16) .. ")%-(%x%x)(.*)$")
    if not version or version == "ff" or (version == "00" and rest ~= "") then
        return nil
    end
    if rest ~= "" and sub(rest, 1, 1) ~= "-" or find(rest, "\n", 1, true) then
        return nil
    end
    if not find(trace_id, "[^0]") or not find(span, "[^0]") then
        return nil
    end
    return trace_id, floor(tonumber(flags, 16)) % 2 == 1 and "01" or "00"
end


local KEY = "^[a-z0-9][a-z0-9_%-*/@]*$"
local VALUE = "^[\32-\43\45-\60\62-\126]*[\33-\43\45-\60\62-\126]$"


-- The `tracestate` that goes on; nil if any member is not valid, or it is too long.
local function state(said)
    local members, count, length = {}, 0, -1
    for member in gmatch(said, "[^,]+") do
        member = gsub(gsub(member, "^[ \t]+", ""), "[ \t]+$", "")
        if member ~= "" then
            local key, value = match(member, "^([^=]*)=(.*)$")
            if not key or #key > 256 or #value > 256 or not find(key, KEY) or not find(value, VALUE) then
                return nil
            end
            count, length = count + 1, length + 1 + #member
            members[count] = member
        end
    end
    if count == 0 or count > 32 or length > 512 then
        return nil
    end
    return table.concat(members, ",")
end


-- Give a decision of before the names of this exchange.
function _M.renew(allow, seen)
    local digits = fresh()
    local request_id = sub(digits, 1, 32)
    local trace_id, flags
    if type(seen.traceparent) == "string" then -- of several, none counts
        trace_id, flags = continued(seen.traceparent)
    end
    allow.request_id = request_id
    allow.traceparent = "00-" .. (trace_id or request_id) .. "-" .. sub(digits, 33) .. "-" .. (flags or "01")
    allow.tracestate = trace_id and seen.tracestate and state(seen.tracestate) or ""
end


return _M
