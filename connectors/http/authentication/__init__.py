"""How we show connected systems who we are: one file for each strategy, each an `httpx.Auth`."""
