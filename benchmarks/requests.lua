-- Sends the requests of a file in turn and prints one line of JSON at the end.
-- The file ($BENCH_REQUESTS) has one request a line: Authorization value, TAB, form body (empty for a GET).

local requests = {}

function init(_)
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local authorization, body = line:match("^([^\t]*)\t(.*)$")
    local headers = { ["Authorization"] = authorization }
    if body == "" then
      requests[#requests + 1] = wrk.format("GET", nil, headers)
    else
      headers["Content-Type"] = "application/x-www-form-urlencoded"
      requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
  end
end

local turn = 0

function request()
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
