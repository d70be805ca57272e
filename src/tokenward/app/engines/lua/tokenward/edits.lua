-- What a decision changes: of the request on its way up, and of the API's answer.
--
-- An `allow` is this: `authorization`, and `cookie` if another one goes up than came; `request_id`, `traceparent` and
-- `tracestate`; and its `edits`, which are the same for many requests: names of the request's fields that are
-- `removed`; beginnings of names of the answer's that it loses (`hide`); headers that it gets, `set` and
-- `default`, each a list of names and values in turn, and both once more as `entries`; `private`, if nobody
-- shared may keep it; and `told`, what of `set` an error page says too.

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


local listed = remembered(function(text)
    local names = {}
    for name in gmatch(text, "[^,%s]+") do
        names[#names + 1] = name
    end
    return names
end)


-- Of a decision's header, by its name: which list of an answer's headers it belongs to, and by which name.
local meaning = remembered(function(name)
    name = lower(name)
    if sub(name, 1, 14) == "tokenward-set-" then
        return { list = "set", name = sub(name, 15) }
    elseif sub(name, 1, 18) == "tokenward-default-" then
        return { list = "default", name = sub(name, 19) }
    end
    return false
end)


-- For each name that an answer gets: `value`, for one of an API that says nothing by that name; `beside`, the lines
-- that it gets even so.
local function entries_of(set, default)
    local entries, found = {}, {}
    local length = #set
    for at = 1, length + #default, 2 do
        local list, index = set, at
        if at > length then
            list, index = default, at - length
        end
        local name, value = list[index], list[index + 1]
        local it = found[name]
        if not it then
            it = { name = name, value = value }
            found[name], entries[#entries + 1] = it, it
        else
            local lines = type(it.value) == "table" and it.value or { it.value }
            lines[#lines + 1] = value
            it.value = lines
        end
        if list == set and JOINED[name] then
            it.beside = it.beside or {}
            it.beside[#it.beside + 1] = value
        end
    end
    return entries
end


local function edits(removed, hide, private, set, default)
    return {
        removed = removed, hide = hide, private = private, set = set, default = default,
        entries = entries_of(set, default),
        told = #set > 0 and concat(set, "\n") .. "\n" or "",
    }
end


-- The decision that nginx's subrequest brought. `there`: the names of the fields that the client sent, as a set, and
-- `said`, its own `Authorization`.
function _M.read(header, there, said)
    local authorization, removed = header["authorization"], {}
    local names = listed(header["x-envoy-auth-headers-to-remove"] or "")
    local keeps = not authorization and there["authorization"]
    for at = 1, #names do
        local name = names[at]
        if name == "authorization" then
            keeps = false
        elseif there[name] and not SET_ANYWAY[name] then
            removed[#removed + 1] = name
        end
    end
    local set, default = {}, {}
    for name, value in pairs(header) do
        local it = meaning(name)
        if it then
            local list = it.list == "set" and set or default
            if type(value) == "table" then
                for at = 1, #value do
                    list[#list + 1] = it.name
                    list[#list + 1] = value[at]
                end
            else
                list[#list + 1] = it.name
                list[#list + 1] = value
            end
        end
    end
    local private = header["tokenward-private"] == "1"
    return {
        authorization = authorization or (keeps and said) or "",
        cookie = header["cookie"],
        request_id = header["x-request-id"],
        traceparent = header["traceparent"] or "",
        tracestate = header["tracestate"] or "",
        edits = edits(removed, listed(header["tokenward-hide"] or ""), private, set, default),
    }
end


local function packed_list(text, letter, list)
    for at = 1, #list, 2 do
        text[#text + 1] = letter .. list[at] .. "\n" .. list[at + 1] .. "\n"
    end
end


-- A decision as two texts, without what names the exchange: what is this client's alone, and the rest. No header
-- value holds a line feed.
function _M.packed(allow)
    local it = allow.edits
    local text = {
        concat(it.removed, ","), "\n", concat(it.hide, ","), "\n", it.private and "1\n" or "0\n",
    }
    packed_list(text, "s", it.set)
    packed_list(text, "d", it.default)
    return allow.authorization .. (allow.cookie and "\n" .. allow.cookie or ""), concat(text)
end


local unpacked = remembered(function(text)
    local removed = find(text, "\n", 1, true)
    local hide = find(text, "\n", removed + 1, true)
    local set, default = {}, {}
    local at, length = hide + 3, #text
    while at < length do
        local name = find(text, "\n", at, true)
        local value = find(text, "\n", name + 1, true)
        local list = sub(text, at, at) == "s" and set or default
        local last = #list
        list[last + 1] = sub(text, at + 1, name - 1)
        list[last + 2] = sub(text, name + 1, value - 1)
        at = value + 1
    end
    return edits(
        listed(sub(text, 1, removed - 1)),
        listed(sub(text, removed + 1, hide - 1)),
        byte(text, hide + 1) == 49,
        set,
        default
    )
end)


-- The decision of those two texts.
function _M.unpacked(own, rest)
    local authorization, cookie = own, nil
    local ends = find(own, "\n", 1, true)
    if ends then
        authorization, cookie = sub(own, 1, ends - 1), sub(own, ends + 1)
    end
    return { authorization = authorization, cookie = cookie, edits = unpacked(rest) }
end


return _M
