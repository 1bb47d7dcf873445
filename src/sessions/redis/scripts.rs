//! The scripts that Redis runs, one for each call of the store, so that each call is atomic.
//!
//! A session is three keys with one hash tag, so that they are on one shard of a cluster:
//!
//! | Key | Type | Content |
//! |---|---|---|
//! | `function-app:session:{digest}` | hash | `expiry`, `owner` (if there is one), and for each job `job:<id>` with its place |
//! | …`:jobs` | sorted set, all scores 0 | the jobs as `<place>:<id>`, so that a page is a range of texts |
//! | …`:expiries` | sorted set | the same with the expiry as the score |
//!
//! The place of a job is its creation in milliseconds, as 16 hexadecimal digits. Redis orders texts by their bytes, as
//! `SessionJob` does, so a page can begin after any job, also after one that is not there any more.
//!
//! All three keys expire at the same time, the latest of all that was asked for. A cache whose `maxmemory-policy` evicts keys
//! may lose one of the three alone. Then the session as a whole counts as not known: a part of a list must not pass
//! for the whole.
//!
//! They are sent as text with each call, about a kilobyte. `EVALSHA` would need a second round trip after each restart.
//! They use nothing that Redis 6.0 does not have.

/// What each script begins with.
macro_rules! script {
    ($($text:literal)*) => {
        concat!(
            r#"
local session, jobs, expiries = KEYS[1], KEYS[2], KEYS[3]

-- An expiry is in milliseconds since 1970, or 'never'. As a score of a sorted set, 'never' is 'inf'.
local function later(a, b)
    if b == 'never' or b == 'inf' then return false end
    return a == 'never' or tonumber(a) > tonumber(b)
end
local function score(expiry)
    if expiry == 'never' then return 'inf' end
    return expiry
end

-- Whether the session is known and complete. Removes the jobs that have expired.
local function is_known()
    if redis.call('EXISTS', session) == 0 then return false end
    local time = redis.call('TIME')
    local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
    while true do
        local over = redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 1000)
        if #over == 0 then break end
        local fields = {}
        for i, job in ipairs(over) do fields[i] = 'job:' .. string.sub(job, 18) end
        redis.call('HDEL', session, unpack(fields))
        redis.call('ZREM', jobs, unpack(over))
        redis.call('ZREM', expiries, unpack(over))
    end
    local count = redis.call('HLEN', session) - 1 - redis.call('HEXISTS', session, 'owner')
    return count == redis.call('ZCARD', jobs) and count == redis.call('ZCARD', expiries)
end

-- The same, and forgets what is left of a session that is not complete. A full Redis refuses a script only as long as
-- it has written nothing, so nothing is removed without need.
local function known()
    if is_known() then return true end
    if redis.call('EXISTS', session, jobs, expiries) > 0 then
        redis.call('DEL', session, jobs, expiries)
    end
    return false
end

-- Keeps the session at least until then.
local function keep(expiry)
    local kept = redis.call('HGET', session, 'expiry')
    if not kept or later(expiry, kept) then
        redis.call('HSET', session, 'expiry', expiry)
        kept = expiry
    end
    for _, key in ipairs(KEYS) do
        if kept == 'never' then redis.call('PERSIST', key) else redis.call('PEXPIREAT', key, kept) end
    end
end
"#,
            $($text)*
        )
    };
}

/// Arguments: expiry, owner or nothing. Answer: 1 if the session is new, owner or nil.
pub(super) const REGISTER: &str = script!(
    r#"
local is_new = not known()
if is_new and ARGV[2] ~= '' then redis.call('HSET', session, 'owner', ARGV[2]) end
local owner = redis.call('HGET', session, 'owner')
keep(ARGV[1])
return {is_new and 1 or 0, owner}
"#
);

/// Arguments: expiry, id of the job, its place. Answer: as that of [`REGISTER`].
pub(super) const ADD: &str = script!(
    r#"
local is_new = not known()
local field = 'job:' .. ARGV[2]
local place = redis.call('HGET', session, field)
if place then
    local job = place .. ':' .. ARGV[2]
    if later(ARGV[1], redis.call('ZSCORE', expiries, job)) then
        redis.call('ZADD', expiries, score(ARGV[1]), job)
    end
else
    local job = ARGV[3] .. ':' .. ARGV[2]
    redis.call('HSET', session, field, ARGV[3])
    redis.call('ZADD', jobs, 0, job)
    redis.call('ZADD', expiries, score(ARGV[1]), job)
end
local owner = redis.call('HGET', session, 'owner')
keep(ARGV[1])
return {is_new and 1 or 0, owner}
"#
);

/// Arguments: the most jobs, and the job after which they begin, or nothing. Answer: nil if the session is not known, else
/// owner or an empty text, and the jobs, newest first.
pub(super) const PAGE: &str = script!(
    r#"
if not is_known() then return false end
local from = '+'
if ARGV[2] ~= '' then from = '(' .. ARGV[2] end
return {
    redis.call('HGET', session, 'owner') or '',
    redis.call('ZREVRANGEBYLEX', jobs, from, '-', 'LIMIT', 0, ARGV[1]),
}
"#
);

/// Arguments: expiry, id of the job. No answer.
pub(super) const EXTEND: &str = script!(
    r#"
if not is_known() then return false end
local place = redis.call('HGET', session, 'job:' .. ARGV[2])
if not place then return false end
local job = place .. ':' .. ARGV[2]
if later(ARGV[1], redis.call('ZSCORE', expiries, job)) then
    redis.call('ZADD', expiries, score(ARGV[1]), job)
end
keep(ARGV[1])
return false
"#
);
