# For users of the Atlas command line. `semantik schema` does the same without
# it, and more: it runs the job queue's migrations, keeps a history, and refuses
# what would lose data.
#
#   atlas schema diff  --env local        what is different
#   atlas schema apply --env local        make it so (asks first)
#
# DATABASE_URL is the database, and ATLAS_DEV_URL an empty one that Atlas may
# work in; both end in ?search_path=public, and in both these have been run once:
#
#   psql "$DATABASE_URL" -f schema/extensions.sql
#
# Atlas does not know functions and partitions, so after every apply:
#
#   psql "$DATABASE_URL" -f schema/functions.sql -f schema/partitions.sql

env "local" {
  src = "file://schema/schema.sql"
  url = getenv("DATABASE_URL")
  dev = getenv("ATLAS_DEV_URL")
}
