"""Plans for children, kept sealed with the visit in which they were made; a child has no name here."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.ipv.children import ChildNeed, ChildPlan, Exposure, Sequence
from ipvscreen.ipv.gap import Gap
from ipvscreen.ipv.person import Sex
from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.gaps import count_gap
from ipvscreen.store.plan_tables import child_plans
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.visit import Visit


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """One child of a visit: what is known of the child, and what is planned."""

    id: str
    visit_id: str
    need: ChildNeed
    plan: ChildPlan


class ChildPlans:
    """The table of plans for children."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, child_plans.name)

    async def add(self, visit: Visit, need: ChildNeed, plan: ChildPlan, gap: Gap | None) -> KeptPlan:
        """One more child of that visit; with `gap`, that nothing fits this child is counted, too."""
        kept = KeptPlan(secrets.token_hex(16), visit.id, need, plan)
        body = self._sealed.seal("body", kept.id, _to_json(kept))
        values = {"id": kept.id, "visit_id": visit.id, "review": plan.review, "body": body}
        async with writing(self._engine) as connection:
            await connection.execute(insert(child_plans).values(values))
            if gap is not None:
                await count_gap(connection, gap)
            await self._noting.note(connection, of_visit(visit))
        return kept

    async def of_visit(self, visit_id: str) -> list[KeptPlan]:
        """Those of a visit, the earliest review first."""
        mine = child_plans.c.visit_id == visit_id
        query = select(child_plans).where(mine).order_by(child_plans.c.review, child_plans.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [plan_of(self._sealed, row) for row in rows]


def plan_of(sealed: SealedTable, row: RowMapping) -> KeptPlan:
    """The plan that a row holds; SealBroken where it does not open."""
    body = sealed.open("body", row["id"], row["body"])
    need, plan = _need(body["need"]), body["plan"]
    sequence = plan["sequence"] and Sequence(plan["sequence"])
    kept = ChildPlan(plan["owner"], plan["interim"], row["review"], sequence)
    return KeptPlan(row["id"], row["visit_id"], need, kept)


def _need(stored: Mapping[str, Any]) -> ChildNeed:
    exposure = stored["exposure"] and Exposure(stored["exposure"])
    return ChildNeed(stored["age"], exposure, Sex(stored["sex"]))


def _to_json(kept: KeptPlan) -> dict[str, Any]:
    need, plan = kept.need, kept.plan
    return {
        "need": {"age": need.age, "exposure": need.exposure, "sex": need.sex},
        "plan": {"owner": plan.owner, "interim": plan.interim, "sequence": plan.sequence},
    }
