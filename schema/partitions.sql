-- The partitions, as far as they are missing. Safe to run again; it needs the
-- tables and the functions. How many chunk partitions there are is read out of
-- the live collections table, so this file holds no number of its own.

select make_chunk_partitions();

-- This month and the three to come; the server makes later ones ahead of time.
select make_audit_log_partitions(3);
