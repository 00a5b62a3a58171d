"""The control page: what is in flight, what needs attention, how the systems do. For support, admin and planning."""

from gateway.tower.routes import router

__all__ = ["router"]
