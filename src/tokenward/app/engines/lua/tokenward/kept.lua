-- Decisions that may be kept for a moment. One is found again only by a request that is the same in every
-- fact on which it may depend. It is sealed under a key that only such a request can make, so that what lies
-- in memory says nothing to whoever has no good token in hand. It never lies in a file.

local ffi = require "ffi"
local clock = require "resty.core.time"
local edits = require "tokenward.edits"

local C = ffi.C
local gmatch, sub = string.gmatch, string.sub
local text_of = ffi.string
local var = ngx.var

ffi.cdef [[
    // By name, and not by EVP_Digest: looking an algorithm up costs more than to use it.
    typedef struct { uint32_t state[8], low, high, data[16]; unsigned int number, length; } SHA256_CTX;
    int SHA256_Init(SHA256_CTX *ctx);
    int SHA256_Update(SHA256_CTX *ctx, const void *data, size_t length);
    int SHA256_Final(unsigned char *digest, SHA256_CTX *ctx);
    typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
    typedef struct evp_cipher_st EVP_CIPHER;
    EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
    const EVP_CIPHER *EVP_aes_256_gcm(void);
    int EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, void *engine,
        const unsigned char *key, const unsigned char *iv);
    int EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl);
    int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl);
    int EVP_DecryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, void *engine,
        const unsigned char *key, const unsigned char *iv);
    int EVP_DecryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl);
    int EVP_DecryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl);
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr);
]]

local GET_TAG, SET_TAG = 0x10, 0x11 -- EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG
local NONCE, TAG = 12, 16

-- The facts that are looked at here: of the body, that there is none. A decision that depends on another fact
-- is not kept.
local KNOWN = {
    peer = true, method = true, target = true, host = true, scheme = true, headers = true, body = true,
}

local MOST = 65536 -- bytes of a decision; what is larger is not kept

-- What lies before a decision: when it ends, and how many of its bytes are this client's alone.
local HEAD = ffi.typeof("struct { double ends; uint32_t own; }")

local _M = {}

local store, longest
local digest = ffi.new("unsigned char[32]")
local derived = ffi.new("unsigned char[32]")
local out = ffi.new("unsigned char[?]", MOST + 64)
local written = ffi.new("int[1]")
local nonce = ffi.new("unsigned char[12]")
local tag = ffi.new("unsigned char[16]")
local head = HEAD()
local SHA256 = ffi.typeof("SHA256_CTX")
local hashing, of_facts, of_name, of_key = SHA256(), SHA256(), SHA256(), SHA256()
local sealing, opening


-- What all that is hashed for one end begins with, hashed already.
local function begin(hash, text)
    C.SHA256_Init(hash)
    C.SHA256_Update(hash, text, #text)
end


-- Keep decisions in the shared memory of this name, for at most `seconds`. Those of another `plan` are not
-- found; a policy that changes no plan is felt when their time is over.
function _M.start(name, plan, seconds)
    store, longest = ngx.shared[name], seconds * 1000
    begin(of_facts, plan .. "\n")
    begin(of_name, "tokenward: the name of a decision" .. ("\0"):rep(31)) -- a block of SHA-256
    begin(of_key, "tokenward: the key of a decision" .. ("\0"):rep(32))
    local cipher = C.EVP_aes_256_gcm()
    sealing, opening = C.EVP_CIPHER_CTX_new(), C.EVP_CIPHER_CTX_new()
    if sealing == nil or opening == nil
        or C.EVP_EncryptInit_ex(sealing, cipher, nil, nil, nil) ~= 1
        or C.EVP_DecryptInit_ex(opening, cipher, nil, nil, nil) ~= 1
    then
        error("AES-256-GCM is not to be had")
    end
end


-- Milliseconds, as exactly as this machine knows, of a clock that nobody sets: all workers have the same.
function _M.now()
    ngx.update_time()
    return clock.monotonic_msec()
end


local function derive(begun)
    ffi.copy(hashing, begun, ffi.sizeof(SHA256))
    C.SHA256_Update(hashing, digest, 32)
    C.SHA256_Final(derived, hashing)
    return text_of(derived, 32)
end


-- Name and key of whatever was decided on a request of which that is the head. `scheme` is how its client came,
-- where the plan does not say it. The client's address is a fact too: the API hears it. Neither holds a line feed.
function _M.facts(raw, scheme)
    local address = var.remote_addr
    ffi.copy(hashing, of_facts, ffi.sizeof(SHA256))
    C.SHA256_Update(hashing, scheme, #scheme)
    C.SHA256_Update(hashing, "\n", 1)
    C.SHA256_Update(hashing, address, #address)
    C.SHA256_Update(hashing, "\n", 1)
    C.SHA256_Update(hashing, raw, #raw)
    C.SHA256_Final(digest, hashing)
    return derive(of_name), derive(of_key)
end


local function seal(key, text)
    if #text > MOST or C.RAND_bytes(nonce, NONCE) ~= 1
        or C.EVP_EncryptInit_ex(sealing, nil, nil, key, nonce) ~= 1
        or C.EVP_EncryptUpdate(sealing, out, written, text, #text) ~= 1
    then
        return nil
    end
    local length = written[0]
    if C.EVP_EncryptFinal_ex(sealing, out + length, written) ~= 1
        or C.EVP_CIPHER_CTX_ctrl(sealing, GET_TAG, TAG, tag) ~= 1
    then
        return nil
    end
    return ffi.string(nonce, NONCE) .. ffi.string(tag, TAG) .. ffi.string(out, length)
end


-- How many bytes it has, which then lie in `out`; nil if it is not sealed under this key.
local function open(key, sealed)
    local length = #sealed - NONCE - TAG
    if length < 0 or length > MOST then
        return nil
    end
    local data = ffi.cast("const unsigned char *", sealed)
    ffi.copy(tag, data + NONCE, TAG)
    if C.EVP_DecryptInit_ex(opening, nil, nil, key, data) ~= 1
        or C.EVP_DecryptUpdate(opening, out, written, data + NONCE + TAG, length) ~= 1
        or C.EVP_CIPHER_CTX_ctrl(opening, SET_TAG, TAG, tag) ~= 1
        or C.EVP_DecryptFinal_ex(opening, out + written[0], written) ~= 1
    then
        return nil
    end
    return length
end


-- The decision under this name, if one is kept and its time is not over. What names the exchange is not in it.
function _M.recall(name, key)
    local sealed = store:get(name)
    local length = sealed and open(key, sealed)
    if not length then
        return nil
    end
    ffi.copy(head, out, ffi.sizeof(HEAD))
    if _M.now() >= head.ends then
        return nil
    end
    local begins = ffi.sizeof(HEAD)
    local own = text_of(out + begins, head.own)
    local shared = text_of(out + begins + head.own, length - begins - head.own)
    return edits.unpacked(own, shared)
end


-- Keep a decision, if the gateway says that one may. Its time begins when it was asked for.
function _M.keep(name, key, allow, header, asked_at)
    local seconds = tonumber(header["tokenward-max-age"])
    local vary = header["tokenward-vary"]
    if not seconds or seconds <= 0 or type(vary) ~= "string" then
        return
    end
    for fact in gmatch(vary, "%S+") do
        if not KNOWN[fact] then
            return
        end
    end
    local own = edits.own(allow)
    head.ends, head.own = asked_at + math.min(seconds * 1000, longest), #own
    local left = head.ends - _M.now()
    local sealed = left > 0 and seal(key, text_of(head, ffi.sizeof(HEAD)) .. own .. allow.shared)
    if sealed then
        store:set(name, sealed, left / 1000)
    end
end


return _M
