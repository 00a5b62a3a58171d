"""Order promising: at release, as orders go on, and anew when stock or supply changes."""
