-- Functions that are held to their indexes look expensive beyond measure to a planner that would rather read whole tables, and where PostgreSQL can
-- compile plans (most packages of it can) it would compile theirs, for seconds, at every call that takes less than one millisecond.
alter function commit_writes(text, text, json, json) set jit = off;
alter function read_contexts(text, json) set jit = off;
