-- The extensions that the schema stands on, made before the tables.
--
-- btree_gin lets one GIN index hold a uuid beside a tsvector, so that a search
-- within a collection reads that collection's entries alone. It is a trusted
-- extension: the owner of the database may create it.

create extension if not exists btree_gin with schema public;
