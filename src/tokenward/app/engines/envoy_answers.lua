-- What the decision says of the API's answer (`gateway.told`), and of an API's headers that are none of the
-- client's business (`gateway.headers.incoming`), for Envoy. The tests hold it against these two.
--
-- The decision's own headers come into the answer as Envoy passes it (`allowed_client_headers_on_success`);
-- whatever an API says of these names is taken out before (`remove_on_match` at its cluster).

local JOINED = { link = true, ratelimit = true, ["ratelimit-policy"] = true, vary = true }
local KEPT = { ["content-length"] = true, ["content-type"] = true, ["set-cookie"] = true }
-- Refused by Envoy before there was a decision: what it answers stands.
local OWN = { ["400"] = true, ["408"] = true, ["413"] = true, ["431"] = true }

local byte, sub = string.byte, string.sub

local function is_our_cookie(value)
  local name = value:gsub("^[= \t]+", ""):lower()
  return sub(name, 1, 9) == "tokenward" or sub(name, 1, 16) == "__host-tokenward"
end

local function split(text, each)
  for part in text:gmatch("[^,]+") do
    each((part:gsub("^%s+", ""):gsub("%s+$", "")))
  end
end

local function without_decision(handle, headers)
  if not OWN[headers:get(":status")] then
    local names = {}
    for name in pairs(headers) do names[#names + 1] = name end
    for _, name in ipairs(names) do
      if name:sub(1, 1) ~= ":" then headers:remove(name) end
    end
    headers:replace(":status", "503")
    headers:replace("content-type", "application/problem+json")
    headers:replace("cache-control", "no-store")
    handle:body(true):setBytes([[@UNAVAILABLE@]])
  end
end

-- Each header costs a call into Envoy, so all are looked at once, and names are told apart by tables. Of ours,
-- which decisions alone can say, what they mean is remembered: a policy has few names.
local SET, DEFAULTS, HIDE, PRIVATE, OTHER = 1, 2, 3, 4, 5
local MEANS = { ["tokenward-defaults"] = DEFAULTS, ["tokenward-hide"] = HIDE, ["tokenward-private"] = PRIVATE }
local ABOUT = {}

local function meaning(name)
  if sub(name, 1, 10) ~= "tokenward-" then return nil end
  local means, about = OTHER, nil
  if sub(name, 11, 14) == "set-" then means, about = SET, sub(name, 15) end
  MEANS[name], ABOUT[name] = means, about
  return means
end

-- Names and values in turn, of the one header that has all of them. An API has few such texts.
local LISTS = {}

local function listed(text)
  local list = {}
  for name, value in text:gmatch("([^:\t]+): ?([^\t]*)") do
    list[#list + 1] = name
    list[#list + 1] = value
  end
  LISTS[text] = list
  return list
end

local function without(headers, there, gone)
  gone["x-request-id"] = nil -- is ours: an API's was taken out before
  for name in pairs(gone) do
    if there[name] then
      headers:remove(name)
      there[name] = nil
    end
  end
end

local function hide(headers, there, list)
  local gone = {}
  split(list, function(start)
    for name in pairs(there) do
      if sub(name, 1, #start) == start then gone[name] = true end
    end
  end)
  without(headers, there, gone)
end

local function unhook(headers, there, nominations)
  local gone = {}
  split(nominations:lower(), function(name) if not KEPT[name] then gone[name] = true end end)
  without(headers, there, gone)
end

local function drop_our_cookies(headers, there, cookies)
  local kept = {}
  for _, value in ipairs(cookies) do
    if not is_our_cookie(value) then kept[#kept + 1] = value end
  end
  if #kept == #cookies then return end
  headers:remove("set-cookie")
  there["set-cookie"] = #kept > 0 or nil
  for _, value in ipairs(kept) do headers:add("set-cookie", value) end
end

local function keep_private(headers)
  local said = {}
  for at = 0, headers:getNumValues("cache-control") - 1 do
    said[at + 1] = headers:getAtIndex("cache-control", at)
  end
  local together = table.concat(said, ", ")
  local shared = true
  split(together:lower(), function(directive)
    if directive == "no-store" or directive == "private" or directive == "public"
      or sub(directive, 1, 9) == "s-maxage=" then shared = false end
  end)
  if shared then
    headers:remove("cache-control")
    headers:add("cache-control", together == "" and "private" or together .. ", private")
  end
end

local function told(headers)
  local there, ours, values, count = {}, {}, {}, 0
  local cookies, nominations, hides, private, defaults
  for name, value in pairs(headers) do
    local means = MEANS[name] or (byte(name) == 116 and meaning(name)) -- "t"
    if means then
      count = count + 1
      ours[count], values[count] = name, value
      if means == DEFAULTS then defaults = LISTS[value] or listed(value)
      elseif means == HIDE then hides = value
      elseif means == PRIVATE then private = true end
    else
      there[name] = value
      if name == "set-cookie" then
        cookies = cookies or {}
        cookies[#cookies + 1] = value
      elseif name == "connection" then
        nominations = nominations and nominations .. "," .. value or value
      end
    end
  end
  local status = tonumber(there[":status"]) or 0
  if status < 200 or status > 599 then headers:replace(":status", "502") end -- no final answer (RFC 9110 §15)
  if hides then hide(headers, there, hides) end
  if nominations then unhook(headers, there, nominations) end
  if cookies then drop_our_cookies(headers, there, cookies) end
  for at = 1, count do headers:remove(ours[at]) end
  for at = 1, count do
    local name = ABOUT[ours[at]]
    if name and (not there[name] or JOINED[name]) then headers:add(name, values[at]) end
  end
  if defaults then
    for at = 1, #defaults, 2 do
      if not there[defaults[at]] then headers:add(defaults[at], defaults[at + 1]) end
    end
  end
  if private then keep_private(headers) end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local decision = headers:get("tokenward-decision")
  -- Envoy puts that into what the decision answered, and into nothing of an API's: then it is the decision
  -- itself, which was to be a 200 and is none, and holds what the API alone may see.
  local misread = headers:get("x-envoy-upstream-service-time")
  if decision == "allow" and not misread then
    told(headers)
  elseif decision ~= "deny" and decision ~= "preflight" then
    without_decision(handle, headers)
  else
    headers:remove("tokenward-decision")
    headers:remove("x-envoy-upstream-service-time")
    if decision == "deny" and not headers:get("content-type") then -- Envoy takes it from an answer to HEAD
      headers:add("content-type", "application/problem+json")
    end
  end
end
