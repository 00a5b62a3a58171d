"""Days of sites where rows are written: the zone of a site by master data and rules, and the day of a moment there."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

DAY_IN = """
CREATE FUNCTION day_in(moment timestamptz, zone text) RETURNS date LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    IF zone = 'UTC' THEN
        RETURN (moment AT TIME ZONE 'UTC')::date;
    ELSIF zone ~ '^UTC[+-]' THEN
        RETURN (moment AT TIME ZONE substr(zone, 4)::interval)::date;
    END IF;
    BEGIN
        RETURN (moment AT TIME ZONE zone)::date;
    EXCEPTION WHEN invalid_parameter_value THEN
        RETURN (moment AT TIME ZONE 'UTC')::date;
    END;
END $$
"""
"""The day that it is at a moment in a zone, by its name or its offset. One that PostgreSQL does not know counts as UTC: no
step of an order fails for it."""

SITE_ZONE = """
CREATE FUNCTION site_zone(place text) RETURNS text LANGUAGE sql STABLE AS $$
SELECT coalesce(
    (SELECT m.body ->> 'time_zone' FROM master_record m WHERE m.kind = 'site' AND m.id = place AND m.known
     ORDER BY m.owner LIMIT 1),
    (SELECT p.body ->> 'time_zone' FROM policy p WHERE p.about = 'days' AND jsonb_exists(p.body, 'time_zone')
     AND p.scope <@ jsonb_build_object('site', place, 'partner', place,
         'region', (SELECT s.region FROM planning_site s WHERE s.site = place))
     AND p.version = (SELECT max(x.version) FROM policy x WHERE x.id = p.id)
     ORDER BY (SELECT count(*) FROM jsonb_object_keys(p.scope)) DESC, p.id DESC LIMIT 1),
    'UTC')
$$
"""
"""The zone of a site, or of the supplier of a direct drop. It comes from master data, else from the most specific rule
about `days`, else it is UTC."""

SITE_DAY = """
CREATE FUNCTION site_day(moment timestamptz, place text) RETURNS date LANGUAGE sql STABLE AS $$
SELECT day_in(moment, site_zone(place))
$$
"""


def upgrade() -> None:
    op.create_index("master_site", "master_record", ["id", "owner"], postgresql_where=sa.text("kind = 'site'"))
    for function in (DAY_IN, SITE_ZONE, SITE_DAY):
        op.execute(function)


def downgrade() -> None:
    op.execute("DROP FUNCTION site_day(timestamptz, text)")
    op.execute("DROP FUNCTION site_zone(text)")
    op.execute("DROP FUNCTION day_in(timestamptz, text)")
    op.drop_index("master_site", "master_record")
