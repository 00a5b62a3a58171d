"""Exception cases, their policies, and the notifications that they ask for."""
