-- Decisions that may be kept for a moment. One is found again only by a request that is the same in every
-- fact on which it may depend. It is sealed under a key that only such a request can make, so that what lies
-- in memory says nothing to whoever has no good token in hand. It never lies in a file.

local ffi = require "ffi"

local C = ffi.C
local byte, find, format, gmatch, sub = string.byte, string.find, string.format, string.gmatch, string.sub
local concat = table.concat
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

local _M = {}

local store, generation, longest
local digest = ffi.new("unsigned char[32]")
local labelled = ffi.new("unsigned char[64]")
local derived = ffi.new("unsigned char[32]")
local out = ffi.new("unsigned char[?]", MOST + 64)
local written = ffi.new("int[1]")
local nonce = ffi.new("unsigned char[12]")
local tag = ffi.new("unsigned char[16]")
local hashing = ffi.new("SHA256_CTX[1]")
local sealing, opening


-- Keep decisions in the shared memory of this name, for at most `seconds`. Those of another `plan` are not
-- found; a policy that changes no plan is felt when their time is over.
function _M.start(name, plan, seconds)
    store, generation, longest = ngx.shared[name], plan, seconds * 1000
    local cipher = C.EVP_aes_256_gcm()
    sealing, opening = C.EVP_CIPHER_CTX_new(), C.EVP_CIPHER_CTX_new()
    if sealing == nil or opening == nil
        or C.EVP_EncryptInit_ex(sealing, cipher, nil, nil, nil) ~= 1
        or C.EVP_DecryptInit_ex(opening, cipher, nil, nil, nil) ~= 1
    then
        error("AES-256-GCM is not to be had")
    end
end


-- Milliseconds, as exactly as this machine knows.
function _M.now()
    ngx.update_time()
    return ngx.now() * 1000
end


local function sha256(data, length, into)
    C.SHA256_Init(hashing)
    C.SHA256_Update(hashing, data, length)
    C.SHA256_Final(into, hashing)
end


local function derive(label)
    ffi.copy(labelled, label, 32)
    ffi.copy(labelled + 32, digest, 32)
    sha256(labelled, 64, derived)
    return ffi.string(derived, 32)
end


local NAME = "tokenward: the name of a decision"
local KEY = "tokenward: the key of a decision "


-- Name and key of whatever was decided on this request, of which that is the head. The client's address is a
-- fact too: the API hears it. None of the first three holds a line feed.
function _M.facts(head)
    local facts = concat({ generation, var.tokenward_scheme, var.remote_addr, head }, "\n")
    sha256(facts, #facts, digest)
    return { name = derive(NAME), key = derive(KEY) }
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
    return ffi.string(out, length)
end


-- When it ends; some lines that are always there; and for each further header a letter for the list with the
-- name, and a line with the value. No header value holds a line feed. What names the exchange is not kept.
local function packed(allow, ends)
    local text = {
        format("%013d", ends), allow.authorization, "\n", allow.removed, "\n", allow.hide, "\n",
        allow.private and "1\n" or "0\n",
    }
    for letter, list in pairs { p = allow.put, s = allow.set, d = allow.default } do
        for at = 1, #list, 2 do
            text[#text + 1] = letter .. list[at] .. "\n" .. list[at + 1] .. "\n"
        end
    end
    return concat(text)
end


local LISTS = { p = "put", s = "set", d = "default" }


-- Without patterns, which LuaJIT does not compile.
local function unpacked(text)
    local authorization = find(text, "\n", 14, true)
    local removed = find(text, "\n", authorization + 1, true)
    local hide = find(text, "\n", removed + 1, true)
    local allow = {
        authorization = sub(text, 14, authorization - 1),
        removed = sub(text, authorization + 1, removed - 1),
        hide = sub(text, removed + 1, hide - 1),
        private = byte(text, hide + 1) == 49,
        put = {}, set = {}, default = {},
        request_id = "", traceparent = "", tracestate = "",
    }
    local at, length = hide + 3, #text
    while at < length do
        local name = find(text, "\n", at, true)
        local value = find(text, "\n", name + 1, true)
        local list = allow[LISTS[sub(text, at, at)]]
        local last = #list
        list[last + 1] = sub(text, at + 1, name - 1)
        list[last + 2] = sub(text, name + 1, value - 1)
        at = value + 1
    end
    return allow
end


-- The decision on these facts, if one is kept and its time is not over.
function _M.recall(facts)
    local sealed = store:get(facts.name)
    local text = sealed and open(facts.key, sealed)
    if not text or _M.now() >= tonumber(sub(text, 1, 13)) then
        return nil
    end
    return unpacked(text)
end


-- Keep a decision, if the gateway says that one may. Its time begins when it was asked for.
function _M.keep(facts, allow, header, asked_at)
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
    local ends = asked_at + math.min(seconds * 1000, longest)
    local left = ends - _M.now()
    local sealed = left > 0 and seal(facts.key, packed(allow, ends))
    if sealed then
        store:set(facts.name, sealed, left / 1000)
    end
end


return _M
