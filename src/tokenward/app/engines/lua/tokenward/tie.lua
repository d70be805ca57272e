-- Workers outlive a master that is killed, and would hold the public address without anybody who looks after
-- them. So the kernel ends each with its master.

local ffi = require "ffi"

ffi.cdef [[
    int prctl(int option, unsigned long argument, unsigned long, unsigned long, unsigned long);
    int getppid(void);
]]

local PR_SET_PDEATHSIG, SIGTERM = 1, 15 -- prctl(2)

local _M = {}


function _M.die_with_the_master()
    if ffi.os == "Linux" then
        ffi.C.prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)
        if ffi.C.getppid() == 1 and ngx.worker.pid() ~= 1 then
            os.exit(1)
        end
    end
end


return _M
