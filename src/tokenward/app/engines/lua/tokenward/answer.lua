-- What the client hears of the API's answer, and of the decision beside it.

local concat = table.concat
local find, gmatch, gsub, lower, sub = string.find, string.gmatch, string.gsub, string.lower, string.sub
local holds_control = require("tokenward.request_head").holds_control
local headers_of, var = ngx.resp.get_headers, ngx.var

local _M = {}


local function lines_of(value)
    return type(value) == "table" and value or { value }
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


local function any_holds_control(lines)
    for at = 1, #lines do
        if holds_control(lines[at], #lines[at]) then
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


local function begins_with(name, beginnings)
    for at = 1, #beginnings do
        if sub(name, 1, #beginnings[at]) == beginnings[at] then
            return true
        end
    end
    return false
end


local function nominated_behind(connection)
    local names = {}
    for name in gmatch(lower(connection), "[^,%s]+") do
        names[name] = true
    end
    names["content-length"], names["content-type"], names["set-cookie"] = nil, nil, nil
    return names
end


local function and_then(before, lines)
    local all = {}
    for _, each in ipairs { lines_of(before), lines } do
        for _, line in ipairs(each) do
            all[#all + 1] = line
        end
    end
    return all
end


-- What an API says to nginx alone: the names that it nominates, nil for none; or false, and it is no answer.
local function nominated()
    local coding, connection = var.upstream_http_transfer_encoding, var.upstream_http_connection
    if coding and coding ~= "" and (lower(coding) ~= "chunked" or var.upstream_http_content_length ~= nil) then
        return false
    end
    return connection and connection ~= "" and nominated_behind(connection) or nil
end


-- Header filter of an API's location.
function _M.told()
    local header, allow = ngx.header, ngx.ctx
    local edits = allow.edits
    header["server"] = nil
    if not edits then -- the client has been answered in the API's place
        return
    end
    local status = ngx.status
    if status < 200 or status > 599 then
        -- What the API said may be no HTTP. nginx takes it for HTTP/0.9, and would pass it on without a head.
        local version = ngx.req.http_version() -- nil is one that nginx has no name for, such as 1.2
        return ngx.exit(version and version < 1 and ngx.ERROR or 502)
    end
    local nominates
    if var.tokenward_between ~= "" then
        nominates = nominated()
        if nominates == false then
            return ngx.exit(502)
        end
    end
    local own, hide = headers_of(0), edits.hide
    for name, value in pairs(own) do
        if type(value) == "table" then
            if any_holds_control(value) then
                return ngx.exit(502)
            end
        elseif holds_control(value, #value) then
            return ngx.exit(502)
        end
        if sub(name, 1, 6) == "proxy-" or nominates and nominates[name] or begins_with(name, hide) then
            own[name] = nil
            header[name] = nil
        end
    end
    local cookies = rawget(own, "set-cookie")
    if cookies then
        header["set-cookie"] = without_our_cookies(cookies)
    end
    if status == 204 or status == 304 then
        header["content-length"] = nil
    end
    local entries = edits.entries
    for at = 1, #entries do
        local it = entries[at]
        local name, before = it.name, rawget(own, it.name)
        if before == nil then
            own[name] = it.value
            header[name] = it.value
        elseif it.beside then
            own[name] = and_then(before, it.beside)
            header[name] = own[name]
        end
    end
    if edits.private then
        local said = rawget(own, "cache-control")
        said = said and lines_of(said) or {}
        if not may_be_shared(said) then
            header["cache-control"] = concat(and_then(said, { "private" }), ", ")
        end
    end
    header["x-request-id"] = allow.request_id
end


-- Content of an error page: nginx's own words are nobody's business. `problems` maps a status to a body.
function _M.refuse(problems)
    local header = ngx.header
    local body = problems[ngx.status] or problems[503]
    local told = {}
    header["content-type"] = "application/problem+json"
    header["cache-control"] = "no-store"
    header["x-content-type-options"] = "nosniff"
    header["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'"
    header["content-length"] = #body
    for name, value in gmatch(var.tokenward_told or "", "([^\n]*)\n([^\n]*)\n") do
        told[name] = told[name] and and_then(told[name], { value }) or value
        header[name] = told[name]
    end
    local request_id = var.tokenward_request_id
    if request_id and request_id ~= "" then
        header["x-request-id"] = request_id
    end
    ngx.print(body)
end


return _M
