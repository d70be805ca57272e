-- What the decision says of the API's answer (`gateway.told`), and of an API's headers that are none of the
-- client's business (`gateway.headers.incoming`), for Envoy. The tests hold it against these two.
--
-- The decision's own headers come into the answer as Envoy passes it (`allowed_client_headers_on_success`);
-- whatever an API says of these names is taken out before (`remove_on_match` at its cluster).

local JOINED = { link = true, ratelimit = true, ["ratelimit-policy"] = true, vary = true }
local KEPT = { ["content-length"] = true, ["content-type"] = true, ["set-cookie"] = true }
-- Refused by Envoy before there was a decision: what it answers stands.
local OWN = { ["400"] = true, ["408"] = true, ["413"] = true, ["431"] = true }

local function is_our_cookie(value)
  local name = value:gsub("^[= \t]+", ""):lower()
  return name:sub(1, 9) == "tokenward" or name:sub(1, 16) == "__host-tokenward"
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

local function told(headers)
  local status = tonumber(headers:get(":status")) or 0
  if status < 200 or status > 599 then headers:replace(":status", "502") end -- no final answer (RFC 9110 §15)
  local there, sets, defaults, hides, cookies, gone, ours = {}, {}, {}, {}, {}, {}, {}
  local said, private, drops_cookie = {}, false, false
  for name, value in pairs(headers) do
    if name:sub(1, 10) == "tokenward-" then
      ours[name] = true
      if name:sub(11, 14) == "set-" then sets[#sets + 1] = { name:sub(15), value }
      elseif name:sub(11, 18) == "default-" then defaults[#defaults + 1] = { name:sub(19), value }
      elseif name == "tokenward-hide" then split(value, function(start) hides[#hides + 1] = start end)
      elseif name == "tokenward-private" then private = true end
    else
      there[name] = true
      if name == "set-cookie" then
        if is_our_cookie(value) then drops_cookie = true else cookies[#cookies + 1] = value end
      elseif name == "connection" then
        split(value:lower(), function(nominated) if not KEPT[nominated] then gone[nominated] = true end end)
      elseif name == "cache-control" then said[#said + 1] = value end
    end
  end
  for _, start in ipairs(hides) do
    for name in pairs(there) do
      if name:sub(1, #start) == start then gone[name] = true end
    end
  end
  gone["x-request-id"] = nil -- is ours: an API's was taken out before
  for name in pairs(gone) do
    if there[name] then
      headers:remove(name)
      there[name] = nil
      if name == "cache-control" then said = {} end
    end
  end
  if drops_cookie then
    headers:remove("set-cookie")
    there["set-cookie"] = #cookies > 0 or nil
    for _, value in ipairs(cookies) do headers:add("set-cookie", value) end
  end
  for name in pairs(ours) do headers:remove(name) end
  local function put(name, value)
    headers:add(name, value)
    if name == "cache-control" then said[#said + 1] = value end
  end
  for _, pair in ipairs(sets) do
    if not there[pair[1]] or JOINED[pair[1]] then put(pair[1], pair[2]) end
  end
  for _, pair in ipairs(defaults) do
    if not there[pair[1]] then put(pair[1], pair[2]) end
  end
  if private then
    local shared = true
    local together = table.concat(said, ", ")
    split(together:lower(), function(directive)
      if directive == "no-store" or directive == "private" or directive == "public"
        or directive:sub(1, 9) == "s-maxage=" then shared = false end
    end)
    if shared then
      headers:remove("cache-control")
      headers:add("cache-control", together == "" and "private" or together .. ", private")
    end
  end
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
