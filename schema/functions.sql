-- Functions of the schema, written by hand and safe to run again: replacing a
-- function loses nothing. They run after schema.sql, whose tables they name.


-- --------------------------------------------------------------- text search
--
-- A text is searched in German and in English at once, whatever its language
-- is: each word is kept under both stems, at the same position, so that
-- "Häuser" is found by "Haus" and "running" by "run" without anybody having to
-- say, or guess, which language a document is written in.


-- The text as the search reads it. Same length as the content, character for
-- character, so that offsets hold in both.
--
-- Seven characters become spaces. They are what makes PostgreSQL's parser look
-- for tags, paths, URLs, e-mail addresses and hyphenated words, and its time
-- for a run such as "~/~/~/" or "a_a_a_" grows with the square of the length:
-- 30,000 such characters take ten seconds, a million hours. Without them it is
-- linear, and more is found besides: "TCP" in TCP/IP, "String" in
-- List<String>, "max" in max@example.org. Whoever hands content to another
-- function that parses text (ts_headline does) sends it through here first.
-- (Seven calls of replace take a fifteenth of the time of one translate.)
create or replace function chunk_search_text(content text)
returns text
language sql
immutable
parallel safe
strict
as $$
    select replace(replace(replace(replace(replace(replace(replace(content,
           '<', ' '), '>', ' '), '_', ' '), '~', ' '), '/', ' '), '@', ' '), '-', ' ')
$$;


-- The search row of a chunk: the words of content under their English and
-- their German stems.
--
-- The two vectors are joined as text because that keeps the positions: `||`
-- would put the second behind the first, break phrases that mix stems, and
-- count twice what has one stem in both languages.
--
-- A tsvector may not exceed 1 MB, and content may have a million characters.
-- So long content is taken in pieces of 32,768 characters, cut at a space; no
-- piece can exceed 400 kB, and the pieces are joined as long as the sum fits.
-- What comes after is not searchable: a text of nothing but different words is
-- cut after some 100,000 characters, one that repeats its words much later. No
-- error is ever raised, so there is none to catch.
create or replace function chunk_search_vector(content text)
returns tsvector
language plpgsql
immutable
parallel safe
strict
set client_min_messages = warning -- a notice for each word over 2 kB is no news
as $$
declare
    piece_length constant integer := 32768;
    most_bytes   constant integer := 1000000;
    words        text := chunk_search_text(content);
    total        integer;
    start        integer := 1;
    piece        text;
    piece_vector tsvector;
    vector       tsvector;
begin
    if octet_length(words) <= piece_length then
        return (to_tsvector('pg_catalog.english', words)::text || ' '
             || to_tsvector('pg_catalog.german', words)::text)::tsvector;
    end if;

    total := length(words);
    while start <= total loop
        piece := substr(words, start, piece_length);
        if start + piece_length <= total then
            -- Without a space the cut falls inside a word of 32,768 characters,
            -- which is too long to be indexed anyway.
            piece := left(piece, piece_length - greatest(strpos(reverse(piece), ' ') - 1, 0));
        end if;
        start := start + length(piece);

        piece_vector := (to_tsvector('pg_catalog.english', piece)::text || ' '
                      || to_tsvector('pg_catalog.german', piece)::text)::tsvector;
        exit when pg_column_size(vector) + pg_column_size(piece_vector) > most_bytes;
        vector := coalesce(vector || piece_vector, piece_vector);
    end loop;
    return vector;
end
$$;


-- What a query looks for: its words, each as the choice of its two stems,
-- joined by the operator ('&' or '|'). The building block of the two functions
-- below, which are the ones to call.
--
-- A word that says nothing in one of the languages (a stop word: "the", "und")
-- is left out, unless nothing else is in the query. Some German stop words are
-- English nouns, though: "cold war" asks for a war, "wie war das" does not.
-- They stay as long as no other German stop word shows that the query is
-- German.
create or replace function chunk_search_query(query text, operator text)
returns tsquery
language plpgsql
immutable
parallel safe
strict
set client_min_messages = warning -- nor is one for a query without words
as $$
declare
    result text;
begin
    with tokens as (
        select distinct token
        from ts_parse('default', chunk_search_text(query))
    ), stems as (
        select token,
               tsvector_to_array(to_tsvector('pg_catalog.english', token)) as english,
               tsvector_to_array(to_tsvector('pg_catalog.german', token))  as german
        from tokens
    ), words as (
        select (select string_agg(array_to_tsvector(array[stem])::text, '|' order by stem)
                from (select unnest(english) as stem union select unnest(german)) as both_stems
               ) as choice,
               cardinality(english) = 0 as english_stop,
               cardinality(german) = 0  as german_stop,
               lower(token) in ('bin', 'den', 'die', 'hat', 'man', 'mit', 'war', 'weg', 'will') as english_noun
        from stems
        where cardinality(english) + cardinality(german) > 0
    ), judged as (
        select choice,
               not english_stop
               and (not german_stop
                    or english_noun and not bool_or(german_stop and not english_noun) over ()
               ) as telling
        from words
    )
    select string_agg(distinct '(' || choice || ')', operator)
           filter (where telling or not any_telling)
    into result
    from (select choice, telling, bool_or(telling) over () as any_telling from judged) as counted;

    return coalesce(result, '')::tsquery;
end
$$;


-- The query that requires every telling word.
create or replace function chunk_search_query_all(query text)
returns tsquery
language sql
immutable
parallel safe
strict
as $$
    select chunk_search_query(query, '&')
$$;


-- The query that any telling word satisfies.
create or replace function chunk_search_query_any(query text)
returns tsquery
language sql
immutable
parallel safe
strict
as $$
    select chunk_search_query(query, '|')
$$;


-- --------------------------------------------------------------- partitions

-- How many partitions the chunks have: the divisor in the expression that
-- computes collections.partition_key. Null while there is no such table.
create or replace function chunk_partition_count()
returns integer
language sql
stable
as $$
    select substring(pg_get_expr(d.adbin, d.adrelid) from '% \(?(\d+)')::integer
    from pg_attrdef d
    join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = to_regclass('collections')
      and a.attname = 'partition_key'
$$;


-- Makes the partitions of chunks and chunk_search that are missing, and gives
-- those that are there their settings. The answer is the number made.
--
-- A hundredth of a partition changed, not a fifth, calls autovacuum: the tables
-- are large, a late vacuum is a long one, and an index-only or pruned read
-- wants a fresh visibility map. There is no default partition: the foreign key
-- to collections refuses a key that has none.
create or replace function make_chunk_partitions()
returns integer
language plpgsql
as $$
declare
    settings constant text := 'autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.01';
    parent   text;
    child    text;
    made     integer := 0;
begin
    foreach parent in array array['chunks', 'chunk_search'] loop
        for key in 0 .. chunk_partition_count() - 1 loop
            child := parent || '_p' || key;
            if to_regclass(child) is null then
                execute format('create table %I partition of %I for values in (%s) with (%s)', child, parent, key, settings);
                made := made + 1;
            elsif not exists (
                select 1
                from pg_class
                where oid = to_regclass(child)
                  and reloptions @> string_to_array(settings, ', ')
            ) then
                execute format('alter table %I set (%s)', child, settings);
            end if;
        end loop;
    end loop;
    return made;
end
$$;


-- Makes the audit log's partition for the month (in UTC) that the instant lies
-- in. The answer is the number made: 0 if it is there.
--
-- What has gone to the default partition in the meantime is moved. Meanwhile
-- nobody reads the default partition or writes to it; readers and writers of
-- other months are stopped only by a look at the default partition, which is why
-- it should be empty.
create or replace function make_audit_log_month(instant timestamptz)
returns integer
language plpgsql
as $$
declare
    month      constant timestamp := date_trunc('month', instant at time zone 'UTC');
    child      constant text := 'audit_log_' || to_char(month, 'YYYY_MM');
    first_day  constant text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00';
    next_first constant text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
begin
    perform pg_advisory_xact_lock(hashtextextended('make_audit_log_partitions', 0));
    if to_regclass(child) is not null then
        return 0;
    end if;

    -- Made apart and then attached, which stops no writer of another month.
    execute format('create table %I (like audit_log including defaults including constraints)', child);
    lock table audit_log_default in access exclusive mode;
    execute format(
        'with moved as (delete from audit_log_default where created_at >= %1$L and created_at < %2$L returning *)
         insert into %3$I select * from moved', first_day, next_first, child);
    execute format('alter table audit_log attach partition %I for values from (%L) to (%L)', child, first_day, next_first);
    return 1;
end
$$;


-- Makes the audit log's partitions that are missing: the default one, this
-- month's (in UTC), and those of so many months ahead. The answer is the number
-- made.
--
-- The default partition is there so that an entry can be written even when
-- nobody has made its month in time: an audit entry belongs to the transaction
-- of the change, which must not fail for that. The price, a look through the
-- default partition whenever a month is attached, is small as long as it is
-- empty, which is what making months ahead is for.
create or replace function make_audit_log_partitions(months_ahead integer)
returns integer
language plpgsql
as $$
declare
    this_month constant timestamp := date_trunc('month', now() at time zone 'UTC');
    month      timestamp;
    made       integer := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('make_audit_log_partitions', 0));

    if to_regclass('audit_log_default') is null then
        create table audit_log_default partition of audit_log default;
        made := made + 1;
    end if;

    for month in
        select generate_series(this_month, this_month + make_interval(months => months_ahead), interval '1 month')
    loop
        made := made + make_audit_log_month(month at time zone 'UTC');
    end loop;
    return made;
end
$$;


-- Drops the oldest month of the audit log that was over by the instant, and
-- gives its name; null when there is none.
--
-- Dropping takes the whole log from readers and writers, for the milliseconds
-- that it lasts and before that as long as it waits for those that are at it, so
-- the caller sets a short lock_timeout. (Detaching "concurrently" would not stop
-- them, but PostgreSQL does not offer it beside a default partition.)
create or replace function drop_audit_log_month(ended_by timestamptz)
returns text
language plpgsql
as $$
declare
    child text;
begin
    perform pg_advisory_xact_lock(hashtextextended('make_audit_log_partitions', 0));

    select name
    into child
    from (
        select c.relname::text as name,
               substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz as month_end
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'audit_log'::regclass
    ) as months
    where month_end <= ended_by
    order by month_end
    limit 1;

    if child is not null then
        execute format('drop table %I', child);
    end if;
    return child;
end
$$;
