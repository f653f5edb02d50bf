"""The six plants of the shop, ordered by how little light they live on."""

from dataclasses import dataclass

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Plant:
    """One product; *light* runs from 1, a dark hallway, to 6, a sunny sill."""

    slug: str
    name: str
    latin: str
    price: int
    light: int
    place: str
    description: str

    def as_properties(self, quantity: int = 1) -> dict[str, str | int]:
        """Return the properties of Segment's ecommerce events about one product."""
        return {
            "product_id": self.slug,
            "name": self.name,
            "category": "plants",
            "price": self.price,
            "currency": CURRENCY,
            "quantity": quantity,
        }


PLANTS = (
    Plant(
        slug="cast-iron",
        name="Cast-iron plant",
        latin="Aspidistra elatior",
        price=34,
        light=1,
        place="A hallway with no window",
        description="It sat in gaslit parlours for a century and outlived the gas. "
        "Water it when you remember to.",
    ),
    Plant(
        slug="zz",
        name="ZZ plant",
        latin="Zamioculcas zamiifolia",
        price=28,
        light=2,
        place="The back of a bookshelf",
        description="It keeps its own water in potatoes under the soil, "
        "so a month of neglect looks like good care.",
    ),
    Plant(
        slug="snake",
        name="Snake plant",
        latin="Dracaena trifasciata",
        price=24,
        light=3,
        place="The corner behind the door",
        description="Upright, striped and narrow enough for the corner that nothing else fits in.",
    ),
    Plant(
        slug="calathea",
        name="Calathea",
        latin="Goeppertia roseopicta",
        price=32,
        light=4,
        place="A window to the north",
        description="Folds its leaves up at dusk and opens them again at breakfast. "
        "Sun bleaches the pink, shade keeps it.",
    ),
    Plant(
        slug="monstera",
        name="Monstera",
        latin="Monstera deliciosa",
        price=45,
        light=5,
        place="Across the room from a window",
        description="Every new leaf comes out more torn than the last, "
        "to let what light there is through to the ones below.",
    ),
    Plant(
        slug="pilea",
        name="Pilea",
        latin="Pilea peperomioides",
        price=16,
        light=6,
        place="A sill, out of the noon sun",
        description="Turns its coins to the light within a day. Turn the pot, and it turns back.",
    ),
)
_BY_SLUG = {plant.slug: plant for plant in PLANTS}


def find(slug: str) -> Plant | None:
    """Return the plant of that slug, if the shop has it."""
    return _BY_SLUG.get(slug)
