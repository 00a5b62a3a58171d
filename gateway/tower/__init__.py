"""The control tower: what is in flight, what needs attention, how the systems do. For support, admin and planning."""

from fastapi import APIRouter

from gateway.tower import goods_routes, partners, routes

router = APIRouter(routes=[*routes.router.routes, *goods_routes.router.routes, *partners.router.routes])

__all__ = ["router"]
