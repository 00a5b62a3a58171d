#!/bin/sh
# Creates Temporal's two databases, or brings them to the schema of this server version. Safe to run again.
# Reads SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD and SQL_PLUGIN, as temporal-sql-tool itself does.
set -eu
for part in temporal visibility; do
    database=temporal
    [ "$part" = visibility ] && database=temporal_visibility
    temporal-sql-tool --database "$database" create
    temporal-sql-tool --database "$database" setup-schema --version 0.0
    temporal-sql-tool --database "$database" update-schema \
        --schema-dir "/etc/temporal/schema/postgresql/v12/$part/versioned"
done
