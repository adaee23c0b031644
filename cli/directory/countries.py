"""Where creators live: how many, what is spoken, what is paid with, and where else their audience is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import sqrt

ABROAD = 5
"""Countries besides its own that an audience is told by."""


@dataclass(frozen=True, slots=True)
class Country:
    """`weight`: its share of creators, not normalized. `also`: further languages and how likely a creator speaks each.
    `dollar`: minor units of the currency for one US cent, at about the rate of 2025; a price needs no better one.
    `level`: of prices, 1 is the United States. `places`: (state, city)."""

    code: str
    weight: float
    language: str
    also: tuple[tuple[str, float], ...]
    currency: str
    dollar: float
    level: float
    near: tuple[str, ...]
    places: tuple[tuple[str, str], ...]


# fmt: off
COUNTRIES = (
    Country("US", 20, "en", (("es", .15),), "USD", 1, 1, ("CA", "MX"),
            (("California", "Los Angeles"), ("New York", "New York"), ("Texas", "Austin"), ("Florida", "Miami"))),
    Country("IN", 10, "hi", (("en", .7),), "INR", 85, .3, ("US",),
            (("Maharashtra", "Mumbai"), ("Delhi", "New Delhi"), ("Karnataka", "Bengaluru"))),
    Country("BR", 9, "pt", (("en", .25), ("es", .1)), "BRL", 5.5, .45, ("PT", "AR"),
            (("São Paulo", "Campinas"), ("Rio de Janeiro", "Niterói"), ("Bahia", "Salvador"))),
    Country("GB", 7, "en", (("fr", .05),), "GBP", .78, 1, ("US", "FR"),
            (("England", "London"), ("England", "Manchester"), ("Scotland", "Glasgow"))),
    Country("DE", 7, "de", (("en", .6),), "EUR", .92, .95, ("AT", "CH", "NL"),
            (("Berlin", "Berlin"), ("Bavaria", "Munich"), ("Hamburg", "Hamburg"), ("Schleswig-Holstein", "Kiel"))),
    Country("FR", 6, "fr", (("en", .4),), "EUR", .92, .9, ("CH", "CA"),
            (("Île-de-France", "Paris"), ("Occitanie", "Toulouse"), ("Bretagne", "Rennes"))),
    Country("JP", 5, "ja", (("en", .15),), "JPY", 1.5, .9, ("KR", "US"),
            (("Tokyo", "Tokyo"), ("Osaka", "Osaka"), ("Hokkaido", "Sapporo"))),
    Country("MX", 5, "es", (("en", .3),), "MXN", 18, .45, ("US", "AR"),
            (("Jalisco", "Guadalajara"), ("Nuevo León", "Monterrey"), ("Yucatán", "Mérida"))),
    Country("ID", 5, "id", (("en", .4),), "IDR", 16_000, .25, ("PH", "AU"),
            (("Jakarta", "Jakarta"), ("Bali", "Denpasar"), ("East Java", "Surabaya"))),
    Country("ES", 4, "es", (("en", .4), ("ca", .15)), "EUR", .92, .75, ("MX", "PT"),
            (("Madrid", "Madrid"), ("Catalonia", "Barcelona"), ("Andalusia", "Seville"))),
    Country("IT", 4, "it", (("en", .4),), "EUR", .92, .8, ("CH", "FR"),
            (("Lombardy", "Milan"), ("Lazio", "Rome"), ("Campania", "Naples"))),
    Country("TR", 4, "tr", (("en", .3),), "TRY", 38, .35, ("DE", "SA"),
            (("Istanbul", "Istanbul"), ("Izmir", "Izmir"), ("Ankara", "Ankara"))),
    Country("KR", 3, "ko", (("en", .3),), "KRW", 13.5, .9, ("JP", "US"),
            (("Seoul", "Seoul"), ("Gyeonggi", "Suwon"), ("Busan", "Busan"))),
    Country("CA", 3, "en", (("fr", .3),), "CAD", 1.37, .95, ("US", "FR"),
            (("Ontario", "Toronto"), ("Quebec", "Montreal"), ("British Columbia", "Vancouver"))),
    Country("PL", 3, "pl", (("en", .5),), "PLN", 3.9, .6, ("DE", "GB"),
            (("Masovia", "Warsaw"), ("Lesser Poland", "Kraków"), ("Pomerania", "Gdańsk"))),
    Country("NG", 3, "en", (("yo", .3), ("ha", .2)), "NGN", 1_500, .2, ("GB", "US"),
            (("Lagos", "Lagos"), ("Oyo", "Ibadan"), ("Kano", "Kano"))),
    Country("PH", 3, "tl", (("en", .85),), "PHP", 57, .3, ("US", "SA"),
            (("Metro Manila", "Manila"), ("Cebu", "Cebu City"), ("Davao", "Davao City"))),
    Country("AU", 2, "en", (("zh", .05),), "AUD", 1.5, 1, ("GB", "US"),
            (("New South Wales", "Sydney"), ("Victoria", "Melbourne"), ("Queensland", "Brisbane"))),
    Country("NL", 2, "nl", (("en", .9), ("de", .2)), "EUR", .92, .95, ("DE", "GB"),
            (("North Holland", "Amsterdam"), ("Utrecht", "Utrecht"), ("South Holland", "Rotterdam"))),
    Country("AR", 2, "es", (("en", .3),), "USD", 1, .35, ("MX", "ES"),
            (("Buenos Aires", "La Plata"), ("Córdoba", "Córdoba"), ("Mendoza", "Mendoza"))),
    Country("SA", 2, "ar", (("en", .5),), "SAR", 3.75, .9, ("EG", "TR"),
            (("Riyadh", "Riyadh"), ("Makkah", "Jeddah"), ("Eastern Province", "Dammam"))),
    Country("EG", 2, "ar", (("en", .4),), "EGP", 49, .2, ("SA", "TR"),
            (("Cairo", "Cairo"), ("Alexandria", "Alexandria"), ("Giza", "Giza"))),
    Country("AT", 1.5, "de", (("en", .6),), "EUR", .92, .9, ("DE", "CH"),
            (("Vienna", "Vienna"), ("Styria", "Graz"), ("Tyrol", "Innsbruck"))),
    Country("CH", 1.5, "de", (("fr", .4), ("en", .6), ("it", .15)), "CHF", .88, 1.2, ("DE", "FR", "AT"),
            (("Zurich", "Zurich"), ("Bern", "Bern"), ("Geneva", "Geneva"))),
    Country("PT", 1, "pt", (("en", .6), ("es", .2)), "EUR", .92, .65, ("BR", "ES"),
            (("Lisbon", "Lisbon"), ("Porto", "Porto"), ("Faro", "Faro"))),
)
# fmt: on
BY_CODE = {country.code: country for country in COUNTRIES}
CUMULATIVE = tuple(accumulate(country.weight for country in COUNTRIES))


@cache
def abroad(code: str) -> tuple[tuple[str, float], ...]:
    """The countries besides its own where a creator is watched, and their shares of what is watched abroad: large ones, those
    that speak the same, and those nearby."""
    home = BY_CODE[code]
    pull = {
        other.code: sqrt(other.weight) * (8 if other.language == home.language else 1) * (4 if other.code in home.near else 1)
        for other in COUNTRIES
        if other is not home
    }
    nearest = sorted(pull, key=lambda other: -pull[other])[:ABROAD]
    total = sum(pull[other] for other in nearest)
    return tuple((other, pull[other] / total) for other in nearest)
