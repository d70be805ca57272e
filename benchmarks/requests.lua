-- Sends the requests of a file and prints one line of JSON at the end.
-- The file ($BENCH_REQUESTS) has one request a line: body (empty for a GET), TAB, Authorization, TAB, DPoP, TAB,
-- the body's content type.
-- They are sent in turn; with $BENCH_ONCE each is sent once, and the round ends with the last. wrk waits for
-- the end of its time all the same, and would call that the duration: hence a clock of our own.

local ffi = require("ffi")
ffi.cdef("struct moment { long seconds; long nanoseconds; }; int clock_gettime(int, struct moment *);")

local function microseconds()
  local moment = ffi.new("struct moment")
  ffi.C.clock_gettime(1, moment) -- CLOCK_MONOTONIC
  return tonumber(moment.seconds) * 1e6 + tonumber(moment.nanoseconds) / 1e3
end

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
local began
took = 0 -- until the last was sent, or 0; global, so that done() can ask the thread for it
local thread

function setup(only)
  thread = only
end

function request()
  began = began or microseconds()
  if once and turn == #requests then
    if took == 0 then took = microseconds() - began end
    wrk.thread:stop()
    return harmless
  end
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, _)
  local errors = summary.errors
  local spent = thread:get("took")
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, spent > 0 and spent or summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
