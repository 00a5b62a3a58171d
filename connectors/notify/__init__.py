"""Channels to people: e-mail, chat, generic webhook."""
