-- Sends the requests of a file and prints one line of JSON at the end.
-- The file ($BENCH_REQUESTS) has one request a line: body (empty for a GET), TAB, Authorization, TAB, DPoP, TAB,
-- the body's content type.
-- They are sent in turn; with $BENCH_ONCE each is sent once, and the round ends with the last.

local requests = {}
local once = os.getenv("BENCH_ONCE") ~= ""
-- Connections that are still open ask for this while the round ends: both servers have it.
local harmless

function init(_)
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local body, authorization, dpop, content_type = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if authorization ~= "" then headers["Authorization"] = authorization end
    if dpop ~= "" then headers["DPoP"] = dpop end
    if body == "" then
      requests[#requests + 1] = wrk.format("GET", nil, headers)
    else
      headers["Content-Type"] = content_type
      requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
  end
  harmless = wrk.format("GET", "/.well-known/openid-configuration")
end

local turn = 0

function request()
  if once and turn == #requests then
    wrk.thread:stop()
    return harmless
  end
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
