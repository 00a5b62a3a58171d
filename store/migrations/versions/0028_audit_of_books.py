"""Our own books are audited: what is below zero is found by an index, and the lost side of a movement can be restored.

Recent answers of systems are found without a walk through all effects.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

# The trigger refuses one side alone, and would count it into a balance that has it already.
RESTORE = """
CREATE FUNCTION stock_restore(moved text, at text, what text, lost bigint, worth numeric) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    ALTER TABLE stock_entry DISABLE TRIGGER stock_take_in;
    INSERT INTO stock_entry (move_key, place, item, packs, amount, occurred_at)
        SELECT moved, at, what, lost, worth, m.occurred_at FROM stock_move m WHERE m.key = moved;
    ALTER TABLE stock_entry ENABLE TRIGGER stock_take_in;
END $$
"""


def upgrade() -> None:
    op.create_index("stock_balance_negative", "stock_balance", ["item", "place"], postgresql_where=sa.text("packs < 0"))
    op.create_index("effect_done_at", "effect", ["done_at"], postgresql_using="brin")
    op.execute(RESTORE)


def downgrade() -> None:
    op.execute("DROP FUNCTION stock_restore")
    op.drop_index("effect_done_at", "effect")
    op.drop_index("stock_balance_negative", "stock_balance")
