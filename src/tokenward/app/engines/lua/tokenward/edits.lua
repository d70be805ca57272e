-- What a decision changes: of the request on its way up, and of the API's answer.
--
-- An `allow` is this: `authorization`, and `cookie` if another one goes up than came; `request_id`, `traceparent` and
-- `tracestate`; and its `edits`, which are the same for many requests, and are read from a text, `shared`: names of
-- the request's fields that are `removed`; beginnings of names of the answer's that it loses (`hide`); headers that
-- it gets as `entries`; `private`, if nobody shared may keep it; and `told`, what an error page says too.
--
-- The text: a line of `removed`, one of `hide`, one that says 1 or 0 of `private`, one of headers that an API does not
-- say itself, as the decision has them; and a line of a name and one of a value for each that is set. No value holds a
-- line feed.

local concat = table.concat
local byte, find, gmatch, lower, sub = string.byte, string.find, string.gmatch, string.lower, string.sub

local _M = {}

-- What nginx sets anyway, whatever the client sent by that name: none of these need be removed before.
local SET_ANYWAY = {
    authorization = true, ["x-request-id"] = true, traceparent = true, tracestate = true,
    ["x-forwarded-for"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-host"] = true,
}

-- Headers of an answer to which several contribute: both sayings stand.
local JOINED = { link = true, ratelimit = true, ["ratelimit-policy"] = true, vary = true }

local MANY = 1000 -- of what is remembered because it comes again
local LONG = 4096 -- bytes; what is longer is not remembered


-- What `make` makes of a text, made once for many requests: no text may hold what is its client's alone.
local function remembered(make)
    local known, count = {}, 0
    return function(text)
        local made = known[text]
        if made == nil then
            made = make(text)
            if #text <= LONG then
                if count == MANY then
                    known, count = {}, 0
                end
                known[text], count = made, count + 1
            end
        end
        return made
    end
end


local function listed(text)
    local names = {}
    for name in gmatch(text, "[^,%s]+") do
        names[#names + 1] = name
    end
    return names
end


local names_of = remembered(listed)


-- Of a decision's header, the name that it sets in the answer; false for none.
local set_by = remembered(function(name)
    name = lower(name)
    return sub(name, 1, 14) == "tokenward-set-" and sub(name, 15)
end)


-- Adds one to what an answer gets: `value`, for an API that says nothing by that name; `beside`, the lines that it gets
-- even so.
local function add(entries, found, name, value, is_set)
    local it = found[name]
    if not it then
        it = { name = name, value = value }
        found[name], entries[#entries + 1] = it, it
    else
        local lines = type(it.value) == "table" and it.value or { it.value }
        lines[#lines + 1] = value
        it.value = lines
    end
    if is_set and JOINED[name] then
        it.beside = it.beside or {}
        it.beside[#it.beside + 1] = value
    end
end


-- The edits that are told by a text, of which nothing from `set` on is a default.
local function edits(text)
    local removed = find(text, "\n", 1, true)
    local hide = find(text, "\n", removed + 1, true)
    local default = find(text, "\n", hide + 3, true)
    local entries, found = {}, {}
    local at, length = default + 1, #text
    while at < length do
        local name = find(text, "\n", at, true)
        local value = find(text, "\n", name + 1, true)
        add(entries, found, sub(text, at, name - 1), sub(text, name + 1, value - 1), true)
        at = value + 1
    end
    for name, value in gmatch(sub(text, hide + 3, default - 1), "([^:\t]+): ?([^\t]*)") do
        add(entries, found, name, value, false)
    end
    return {
        removed = listed(sub(text, 1, removed - 1)),
        hide = listed(sub(text, removed + 1, hide - 1)),
        private = byte(text, hide + 1) == 49,
        entries = entries,
        told = sub(text, default + 1),
    }
end


local edits_of = remembered(edits)


-- The lines of what a decision sets; "" for nothing.
local function set_lines(header)
    local lines, count = nil, 0
    for field, value in pairs(header) do
        local name = set_by(field)
        if name then
            lines = lines or {}
            local values = type(value) == "table" and value or { value }
            for at = 1, #values do
                lines[count + 1], lines[count + 2] = name, values[at]
                count = count + 2
            end
        end
    end
    return lines and concat(lines, "\n") .. "\n" or ""
end


-- Of those names, the ones of fields that are `there`, and are not set anyway.
local function removed_of(names, there)
    local removed = ""
    for at = 1, #names do
        local name = names[at]
        if there[name] and not SET_ANYWAY[name] then
            removed = removed == "" and name or removed .. "," .. name
        end
    end
    return removed
end


-- The decision that nginx's subrequest brought. `there`: the names of the fields that the client sent, as a set, and
-- `said`, its own `Authorization`.
function _M.read(header, there, said)
    local authorization, removed = header["authorization"], ""
    local keeps = not authorization and there["authorization"]
    local removes = header["x-envoy-auth-headers-to-remove"]
    if removes then
        local names = names_of(removes)
        removed = removed_of(names, there)
        for at = 1, #names do
            keeps = keeps and names[at] ~= "authorization"
        end
    end
    local set = set_lines(header)
    local shared = removed .. "\n" .. (header["tokenward-hide"] or "") .. "\n"
        .. (header["tokenward-private"] == "1" and "1\n" or "0\n") .. (header["tokenward-defaults"] or "") .. "\n" .. set
    return {
        authorization = authorization or (keeps and said) or "",
        cookie = header["cookie"],
        request_id = header["x-request-id"],
        traceparent = header["traceparent"] or "",
        tracestate = header["tracestate"] or "",
        shared = shared,
        edits = set == "" and edits_of(shared) or edits(shared), -- what is set may be one client's alone
    }
end


-- Of a decision, what is this client's alone and names no exchange, as a text; the rest is `shared`.
function _M.own(allow)
    return allow.authorization .. (allow.cookie and "\n" .. allow.cookie or "")
end


-- The decision of those two texts.
function _M.unpacked(own, shared)
    local authorization, cookie = own, nil
    local ends = find(own, "\n", 1, true)
    if ends then
        authorization, cookie = sub(own, 1, ends - 1), sub(own, ends + 1)
    end
    return { authorization = authorization, cookie = cookie, edits = edits_of(shared) }
end


return _M
