"""Keys that pass for random and that everybody can read."""

from typing import Final

# Where each stands, by the key: people copy an example and forget that it is one.
PUBLISHED: Final = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7": "FastAPI's tutorial",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf": "Flask's documentation",
    '_5#y2L"F4Q8z\n\xec]/': "Flask's quickstart",
    "Rk3vTq9w-YbN2xLm8-tests": "segment_identity's own tests",
    "k-9f27b1c06dce4f3b": "segment_identity's own tests",
}
