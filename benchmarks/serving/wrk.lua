-- Arguments: file of the body, then NAME VALUE for each header. Prints one line of JSON when done.
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for index = 2, #arguments, 2 do
    wrk.headers[arguments[index]] = arguments[index + 1]
  end
end

local prepared
function request()
  prepared = prepared or wrk.format()
  return prepared
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "status": %d, "lost": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
