"""The people, places and things of TerrificTotes, all invented. Ids are positions here, from 1."""

from __future__ import annotations

# name, location, manager
DEPARTMENTS: tuple[tuple[str, str | None, str | None], ...] = (
    ("Sales", "Manchester", "Imogen Hartley"),
    ("Purchasing", "Manchester", "Tomasz Nowak"),
    ("Production", "Hebden Bridge", "Siobhán O'Brien"),
    ("Dispatch", "Leeds", "Desmond Achebe"),
    ("Finance", "Manchester", "Yasmin Qureshi"),
    ("Facilities", "Hebden Bridge", None),
    ("Communications", None, "Zoë Lindqvist"),
    ("People", "Leeds", ""),
)

LOCATIONS = ("Manchester", "Hebden Bridge", "Leeds", "Saltaire", "King's Lynn", "Newcastle", "York")

# first name, last name, department
STAFF = (
    ("Imogen", "Hartley", 1),
    ("Rajesh", "Pillai", 1),
    ("Chloë", "Armitage", 1),
    ("Kwame", "Mensah", 1),
    ("Beatriz", "Figueiredo", 1),
    ("Owen", "Pritchard", 1),
    ("Tomasz", "Nowak", 2),
    ("Frances", "D'Arcy", 2),
    ("Håkon", "Solberg", 2),
    ("Meera", "Iyer", 2),
    ("Siobhán", "O'Brien", 3),
    ("Gareth", "Lloyd-Jones", 3),
    ("Amélie", "Rousseau", 3),
    ("Desmond", "Achebe", 4),
    ("Ruth", "Fairweather", 4),
    ("Yasmin", "Qureshi", 5),
    ("Ferenc", "Szabó", 5),
    ("Patience", "Okonkwo", 6),
    ("Zoë", "Lindqvist", 7),
    ("Callum", "McTavish", 8),
)
SELLERS = range(1, 7)
BUYERS = range(7, 11)

# line 1, line 2, district, city, postal code, country, phone
ADDRESSES: tuple[tuple[str, str | None, str | None, str, str, str, str], ...] = (
    # where the counterparties are at home: the first 20, in their order
    ("14 Larkspur Row", None, "Cotham", "Bristol", "BS6 5QP", "United Kingdom", "0117 496 0134"),
    ("The Old Granary", "2, Quayside", None, "King's Lynn", "PE30 1HN", "United Kingdom",
     "01632 960218"),
    ("88 Sauchiehall Lane", "", None, "Glasgow", "G2 3JD", "United Kingdom", "0141 496 0277"),
    ("Bahnhofstrasse 41", None, "Altstadt", "Zürich", "8001", "Switzerland", "+41 44 555 01 41"),
    ("12 rue de l'Écluse", "Bâtiment C", None, "Nantes", "44000", "France", "+33 1 99 00 12 40"),
    ("Hafenweg 7", None, "Ehrenfeld", "Köln", "50825", "Germany", "+49 221 5550 107"),
    ("501 Juniper Avenue", "Suite 9, Floor 3", None, "Portland, OR", "97205", "United States",
     "+1 503 555 0119"),
    ("27 Wharf Street", None, "Red Hook", "Brooklyn, NY", "11231", "United States",
     "+1 718 555 0162"),
    ("Rua do Salitre, 63", None, "Santo António", "Lisboa", "1250-198", "Portugal",
     "+351 21 555 01 63"),
    ("Storgatan 19", "", "Gamla Väster", "Malmö", "211 41", "Sweden", "+46 40 555 01 19"),
    ("3 St. Brigid's Place", None, None, "Galway", "H91 K2T6", "Ireland", "+353 91 555 013"),
    ("9 Kirkgate", "Unit 4, Dye Works", "Shipley", "Bradford", "BD18 3JA", "United Kingdom",
     "0113 496 0381"),
    ("Loom Mill", "Canal Road", None, "Hebden Bridge", "HX7 8AD", "United Kingdom",
     "01632 960455"),
    ("ul. Piotrkowska 112", None, "Śródmieście", "Łódź", "90-006", "Poland", "+48 42 555 01 12"),
    ("Atatürk Caddesi 204", None, "Konak", "İzmir", "35220", "Türkiye", "+90 232 555 02 04"),
    ("Via della Seta 5", None, None, "Como", "22100", "Italy", "+39 031 555 0105"),
    ("61 Foundry Lane", "", "Digbeth", "Birmingham", "B5 5RS", "United Kingdom", "0121 496 0610"),
    ("Carrer de l'Agulla 30", "Nave 2", None, "Sabadell", "08201", "Spain", "+34 93 555 01 30"),
    ("7 Bobbin Close", None, None, "Nottingham", "NG1 1LF", "United Kingdom", "0115 496 0723"),
    ("Plot 18, Indigo Park", None, "Peelamedu", "Coimbatore", "641004", "India",
     "+91 422 555 0118"),
    # where customers have goods delivered
    ("Gate 3, Severnside Depot", None, "Avonmouth", "Bristol", "BS11 9HZ", "United Kingdom",
     "0117 496 0190"),
    ("Warehouse 12", "Clyde Gateway", None, "Glasgow", "G40 4LA", "United Kingdom",
     "0141 496 0312"),
    ("Logistikzentrum Süd", None, "Porz", "Köln", "51149", "Germany", "+49 221 5550 188"),
    ("4400 Columbia Boulevard", "Dock 6", None, "Portland, OR", "97218", "United States",
     "+1 503 555 0144"),
    ("Entrepôt Rivière", None, None, "Saint-Nazaire", "44600", "France", "+33 1 99 00 44 60"),
    ("Hall 5, Nordhamnen", "", None, "Göteborg", "418 34", "Sweden", "+46 31 555 01 05"),
    # our own
    ("Weaver's Yard", "Unit 1", None, "Hebden Bridge", "HX7 6LU", "United Kingdom",
     "01632 960501"),
    ("Calder Print Works", None, "Mytholmroyd", "Hebden Bridge", "HX7 5QX", "United Kingdom",
     "01632 960502"),
    ("Tote House", "31, Ancoats Square", "Ancoats", "Manchester", "M4 6AB", "United Kingdom",
     "0161 496 0531"),
    ("Aire Valley Stores", None, None, "Leeds", "LS10 1RT", "United Kingdom", "0113 496 0544"),
)  # fmt: skip
DEPOTS = range(21, 27)
OWN_ADDRESSES = range(27, 31)

# legal name, commercial contact, delivery contact; customers first, then suppliers
COUNTERPARTIES: tuple[tuple[str, str | None, str | None], ...] = (
    ("Fennel & Finch Ltd", "Harriet Mbeki", "Joe Lancaster"),
    ("Harbour Books, Maps and Prints LLP", "Aled Rhys", None),
    ("O'Malley's Museum Shops plc", "Nuala O'Malley", "Piotr Wójcik"),
    ("Gebrüder Bächli AG", "Urs Bächli", "Regula Frei"),
    ("Librairie des Deux Rivières SARL", "Élodie Marchand", ""),
    ("Grünmarkt Genossenschaft eG", "Jörg Weißmann", "Ayşe Demir"),
    ("Cedar, Salt & Sons Inc.", "Dolores Whitaker", None),
    ("Brooklyn Bloom Collective LLC", "Andre Baptiste", "Tasha Greene"),
    ("Mercearia São Bento, Lda", "Inês Carvalho", "Rui Moura"),
    ("Nordic Larder AB", "Åsa Bergström", "Göran Öberg"),
    ("Galway Bay Festivals", "Cillian Ó Súilleabháin", None),
    ("Saltaire Farm Shops Ltd", "Priya Raman", "Len Ackroyd"),
    ("Calder Canvas Mills Ltd", "Edith Sugden", "Mick Sugden"),
    ("Bawełna Polska Sp. z o.o.", "Małgorzata Dąbrowska", None),
    ("Ege Pamuk Tekstil A.Ş.", "Çağla Gök", "Emre Güneş"),
    ("Seteria Lariana S.r.l.", "Niccolò Brambilla", ""),
    ("Digbeth Eyelet & Buckle Co.", "Winston Clarke", "Sharon Tibbs"),
    ("Fils i Agulles, S.L.", "Núria Puig", "Jordi Solé"),
    ("Lacemakers' Union of Nottingham", "Constance Bell", None),
    ("Kaveri Organic Cottons Pvt Ltd", "Lakshmi Narayanan", "S. Murugan"),
)
CUSTOMERS = range(1, 13)
SUPPLIERS = range(13, 21)

CURRENCIES = ("GBP", "USD", "EUR")
PAYMENT_TYPES = ("SALES_RECEIPT", "SALES_REFUND", "PURCHASE_PAYMENT", "PURCHASE_REFUND")

# code, lowest and highest price of a unit in hundredths
ITEMS = (
    ("CANVAS-10OZ-NATURAL", 18_450, 22_900),  # by the roll
    ("CANVAS-12OZ-NATURAL", 21_800, 26_400),
    ("CANVAS-12OZ-INDIGO", 24_100, 29_950),
    ("CANVAS-WAXED-OLIVE", 48_700, 57_300),
    ("COTTON-ORGANIC-8OZ", 26_250, 33_800),
    ("JUTE-LAMINATED", 12_900, 16_750),
    ("LINEN-FLAX-RAW", 61_200, 78_500),
    ("FELT-WOOL-GREY", 52_300, 64_000),
    ("LINING-STRIPE-RED", 9_850, 13_200),
    ("WEBBING-38MM-ECRU", 3_420, 4_980),
    ("WEBBING-50MM-BLACK", 3_890, 5_640),
    ("ROPE-COTTON-12MM", 2_740, 3_990),
    ("THREAD-NO40-WHITE", 340, 565),  # by the cone
    ("THREAD-NO40-MADDER", 395, 620),
    ("EYELET-BRASS-12MM", 345, 780),  # by the hundred
    ("RIVET-COPPER-8MM", 410, 835),
    ("BUCKLE-NICKEL-40MM", 1_260, 1_940),
    ("LABEL-WOVEN-LOGO", 680, 1_150),
    ("LEATHER-STRAP-TAN", 7_430, 9_870),
    ("INK-WATERBASED-5L", 4_150, 6_320),
    ("INK-DISCHARGE-5L", 5_280, 7_460),
    ("SCREEN-MESH-77T", 1_890, 2_730),
    ("CARTON-FLAT-50", 2_150, 3_080),
    ("NEEDLE-SET-INDUSTRIAL", 1_480, 2_260),
    ("SEWING-HEAD-WALKING-FOOT", 71_500, 96_000),
)

DESIGN_THEMES = ("botanical", "coast", "city", "museum", "festival", "kitchen", "winter")
DESIGN_FIRSTS = (
    "Bramble", "Copper", "Driftwood", "Elderflower", "Foxglove", "Gingham", "Harebell", "Indigo",
    "Juniper", "Kingfisher", "Lantern", "Marigold", "Nettle", "Oatmeal", "Pebble", "Quince",
    "Ropemaker's", "Saffron", "Thistle", "Umber", "Verbena", "Weaver's", "Café", "Señorita's",
)  # fmt: skip
DESIGN_LASTS = (
    "Arcade", "Bees", "Checks", "Dawn", "Estuary", "Ferns", "Garden", "Herons", "Islands",
    "Jam & Toast", "Knot", "Lighthouse", "Meadow", "Nocturne", "Orchard", "Promenade", "Quilt",
    "Rooftops", "Stripes", "Tulips, Tall", "Vignette", "Waves", "Yarn", "Zigzag",
)  # fmt: skip
