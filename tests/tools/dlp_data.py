# SPDX-License-Identifier: GPL-3.0-or-later
# Sentences with personal and secret data, made by a seeded generator: for each type values that are right, values whose check digits are
# wrong, sentences that name what it is and sentences that do not, and noise. Check digits come from python3-stdnum where it knows them, so
# that neither side of a comparison has written what it is measured with.

import hashlib
import random
import string
import uuid

from stdnum import iban, luhn, verhoeff
from stdnum.au import abn, acn, tfn
from stdnum.ca import sin
from stdnum.de import idnr, vat
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.gb import nhs
from stdnum.in_ import gstin, pan
from stdnum.it import codicefiscale, iva
from stdnum.kr import brn
from stdnum.pl import pesel
from stdnum.se import orgnr, personnummer
from stdnum.sg import uen
from stdnum.th import pin
from stdnum.tr import tckimlik
from stdnum.us import itin, rtn, ssn
from stdnum.za import idnr as za_id

R = random.Random()
U = string.ascii_uppercase


def digits(n):
    return "".join(R.choice("0123456789") for _ in range(n))


def letters(n, of=U):
    return "".join(R.choice(of) for _ in range(n))


def until(valid, make):
    """The first of many that is valid."""
    for _ in range(20000):
        v = make()
        if valid(v):
            return v
    raise RuntimeError("no valid value found")


def date6():
    return "%02d%02d%02d" % (R.randint(50, 99), R.randint(1, 12), R.randint(1, 28))


def grouped(v, *sizes):
    """In groups, with a blank, a hyphen or nothing between them."""
    gap, out = R.choice([" ", "-", ""]), []
    for n in sizes:
        out.append(v[:n])
        v = v[n:]
    return gap.join(out + ([v] if v else []))


def weighted(text, weights, mod):
    return sum(w * int(c) for w, c in zip(weights, text)) % mod


# ---- values ----

def card():
    prefix, n = R.choice([("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16),
                          ("36", 14), ("3528", 16), ("3589", 16)])
    v = prefix + digits(n - 1 - len(prefix))
    v += luhn.calc_check_digit(v)
    return grouped(v, 4, 4, 4) if n == 16 else grouped(v, 4, 6)


BBAN = {"DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "NL": "a4n10", "ES": "n20", "IT": "a1n10c12", "CH": "n5c12", "AT": "n16", "BE": "n12", "PL": "n24",
        "SE": "n20", "NO": "n11", "DK": "n14", "FI": "n14", "CZ": "n20", "PT": "n21", "IE": "a4n14", "GR": "n7c16", "HU": "n24", "TR": "n6c16", "SA": "n2c18", "AE": "n19"}


def account():
    country = R.choice(sorted(BBAN))
    form, body = BBAN[country], ""
    for part in form.replace("n", " n").replace("a", " a").replace("c", " c").split():
        body += {"n": digits, "a": letters, "c": lambda n: letters(n, U + string.digits)}[part[0]](int(part[1:]))
    v = country + iban.calc_check_digits(country + "00" + body) + body
    return " ".join(v[i:i + 4] for i in range(0, len(v), 4)) if R.random() < .5 else v


B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def coin():
    raw = bytes([R.choice([0, 5])]) + bytes(R.randrange(256) for _ in range(20))
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    n, out = int.from_bytes(raw, "big"), ""
    while n:
        n, k = divmod(n, 58)
        out = B58[k] + out
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + out


def word():
    return R.choice(["anna", "bruno", "carla", "dmitri", "eva", "farid", "greta", "hugo", "irene", "jonas", "kaya", "luis"])


def domain():
    return R.choice(["mail", "corp", "shop", "data", "north", "blue"]) + R.choice(["works", "labs", "group", "line"]) + R.choice([".com", ".org", ".net", ".de", ".co.uk", ".io"])


def ip():
    if R.random() < .3:
        return ":".join("%x" % R.randrange(1, 65536) for _ in range(8))
    return "%d.%d.%d.%d" % (R.randint(11, 223), R.randrange(256), R.randrange(256), R.randint(1, 254))


def mac():
    gap = R.choice(":-")
    return gap.join("%02x" % R.randrange(1, 256) for _ in range(6))


def phone():
    import phonenumbers as p
    region = R.choice(["US", "GB", "DE", "FR", "IL", "IN", "CA", "BR", "IT", "ES", "PL", "SE"])

    def make():
        example = p.example_number_for_type(region, R.choice([p.PhoneNumberType.MOBILE, p.PhoneNumberType.FIXED_LINE]))
        n = str(example.national_number)
        return p.parse(n[:-5] + digits(5), region)
    v = until(p.is_valid_number, make)
    local = region in ("US", "CA") and R.random() < .5
    return p.format_number(v, p.PhoneNumberFormat.NATIONAL if local else R.choice([p.PhoneNumberFormat.INTERNATIONAL, p.PhoneNumberFormat.E164]))


def npi():
    v = R.choice("12") + digits(8)
    return v + luhn.calc_check_digit("80840" + v)


def mbi():
    a = "ACDEFGHJKMNPQRTUVWXY"
    an = a + string.digits
    v = R.choice("123456789") + R.choice(a) + R.choice(an) + digits(1) + R.choice(a) + R.choice(an) + digits(1) + letters(2, a) + digits(2)
    return R.choice([v, v[:4] + "-" + v[4:7] + "-" + v[7:]])


def dea():
    v = digits(6)
    return R.choice("ABFM") + R.choice(U) + v + str((int(v[0]) + int(v[2]) + int(v[4]) + 2 * (int(v[1]) + int(v[3]) + int(v[5]))) % 10)


def nino():
    def good(v):
        return v[0] not in "DFIQUV" and v[1] not in "DFIQUVO" and v[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")
    v = until(good, lambda: letters(2)) + digits(6) + R.choice("ABCD")
    return v if R.random() < .5 else " ".join([v[:2], v[2:4], v[4:6], v[6:8], v[8]])


def medicare():
    v = R.choice("23456") + digits(7)
    v += str(weighted(v, (1, 3, 7, 9, 1, 3, 7, 9), 10)) + R.choice("123456789")
    return grouped(v, 4, 5)


def nric():
    kind, v = R.choice("STFG"), digits(7)
    s = weighted(v, (2, 7, 6, 5, 4, 3, 2), 11) + (4 if kind in "TG" else 0)
    return kind + v + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[s % 11]


def tax_id_in():
    v = letters(3) + R.choice("ABCFGHJLPT") + R.choice(U) + digits(4) + R.choice(U)
    return v if int(v[5:9]) else tax_id_in()


def gst():
    v = "%02d" % R.randint(1, 37) + tax_id_in() + R.choice("123456789") + "Z"
    return v + luhn.calc_check_digit(v, gstin._ALPHABET)


def fiscal():
    v = letters(6, "BCDFGLMNPRST") + "%02d" % R.randint(40, 99) + R.choice("ABCDEHLMPRST") + "%02d" % R.randint(1, 28) + R.choice("ABCDEFGHIL") + "%03d" % R.randint(1, 999)
    return v + codicefiscale.calc_check_digit(v)


def person_fi():
    v = "%02d%02d%02d-%03d" % (R.randint(1, 28), R.randint(1, 12), R.randint(40, 99), R.randint(2, 899))
    return until(hetu.is_valid, lambda: v + R.choice("0123456789ABCDEFHJKLMNPRSTUVWXY"))


def person_kr(first):
    def make():
        v = "%02d%02d%02d" % (R.randint(60, 99), R.randint(1, 12), R.randint(1, 28)) + R.choice(first) + "%02d" % R.randint(0, 90) + digits(4)
        return v
    v = make()[:12]
    v += str((11 - weighted(v, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), 11) + (2 if first == "56" else 0)) % 10)
    return v[:6] + "-" + v[6:]


def company_kr():
    v = "%03d%02d" % (R.randint(101, 999), R.randint(1, 79)) + digits(4)
    s = weighted(v, (1, 3, 7, 1, 3, 7, 1, 3, 5), 1000) + int(v[8]) * 5 // 10
    return v + str(-s % 10)


def icao(v):
    value = lambda c: int(c) if c.isdigit() else ord(c) - 55
    return str(sum(w * value(c) for w, c in zip((7, 3, 1) * 10, v)) % 10)


def card_de():
    a = "CFGHJKLMNPRTVWXYZ"
    v = R.choice("LMNPRTVWXY") + letters(8, a + string.digits)
    return v + icao(v)


def pension_de():
    v = "%02d" % R.choice([2, 8, 10, 13, 20, 38, 50, 65]) + "%02d%02d%02d" % (R.randint(1, 28), R.randint(1, 12), R.randint(40, 99)) + R.choice("ABCDEFGHKLMPRSTW") + "%02d" % R.randint(0, 99)
    wide = v[:8] + "%02d" % (ord(v[8]) - 64) + v[9:]
    s = sum(sum(divmod(int(c) * w, 10)) for c, w in zip(wide, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)))
    return v + str(s % 10)


def health_de():
    v = R.choice(U) + digits(8)
    wide = "%02d" % (ord(v[0]) - 64) + v[1:]
    return v + str(sum(sum(divmod(int(c) * w, 10)) for c, w in zip(wide, (1, 2) * 5)) % 10)



def aadhaar():
    v = R.choice("23456789") + digits(10)
    return grouped(v + verhoeff.calc_check_digit(v), 4, 4)


def from_stdnum(module, make, form=lambda v: v):
    return lambda: form(until(module.is_valid, make))


def ssn_form(v):
    v = "".join(c for c in v if c.isdigit())
    return v[:3] + "-" + v[3:5] + "-" + v[5:]


def url():
    return R.choice(["https://", "http://", "https://www."]) + domain() + R.choice(["", "/", "/a/b.html", "/x?q=1"])


def licence_uk():
    return letters(5, "BCDFGHKLMNPRST") + "%d%02d%02d%d" % (R.randint(4, 9), R.randint(1, 12), R.randint(1, 28), R.randint(0, 9)) + letters(2) + R.choice("9A") + letters(2)


# type: (value, has a check digit, what people call it)
TYPES = {
    "CREDIT_CARD": (card, True, ["credit card", "Kreditkarte", "Visa card"]),
    "IBAN_CODE": (account, True, ["IBAN", "bank account", "Konto"]),
    "CRYPTO": (coin, True, ["bitcoin address", "wallet", "BTC address"]),
    "EMAIL_ADDRESS": (lambda: word() + R.choice([".", "_", ""]) + word() + "@" + domain(), False, ["email", "mail address", "e-mail"]),
    "IP_ADDRESS": (ip, False, ["IP address", "server", "host"]),
    "MAC_ADDRESS": (mac, False, ["MAC address", "hardware address"]),
    "PHONE_NUMBER": (phone, False, ["phone number", "mobile", "telephone"]),
    "URL": (url, False, ["link", "web site", "url"]),
    "US_SSN": (from_stdnum(ssn, lambda: digits(9), ssn_form), False, ["social security number", "SSN"]),
    "US_ITIN": (from_stdnum(itin, lambda: "9" + digits(8), ssn_form), False, ["ITIN", "individual taxpayer number"]),
    "ABA_ROUTING_NUMBER": (from_stdnum(rtn, lambda: "%02d" % R.choice([*range(1, 13), *range(21, 33)]) + digits(7)), True, ["routing number", "ABA number"]),
    "US_NPI": (npi, True, ["NPI", "national provider number"]),
    "US_MBI": (mbi, False, ["Medicare number", "MBI"]),
    "MEDICAL_LICENSE": (dea, True, ["DEA number", "medical license"]),
    "US_PASSPORT": (lambda: R.choice([digits(9), R.choice("ABCY") + digits(8)]), False, ["passport number", "US passport"]),
    "US_BANK_NUMBER": (lambda: digits(R.randint(9, 14)), False, ["bank account number", "checking account"]),
    "US_DRIVER_LICENSE": (lambda: R.choice(U) + digits(R.choice([7, 8, 12])), False, ["driver license", "driver's license"]),
    "UK_NHS": (from_stdnum(nhs, lambda: R.choice("45679") + digits(9), lambda v: grouped(v, 3, 3)), True, ["NHS number", "national health service number"]),
    "UK_NINO": (nino, False, ["national insurance number", "NINO"]),
    "UK_PASSPORT": (lambda: letters(2) + digits(7), False, ["passport number", "British passport"]),
    "UK_DRIVING_LICENCE": (licence_uk, False, ["driving licence", "DVLA licence"]),
    "UK_POSTCODE": (lambda: R.choice(["SW1A", "M1", "B33", "CR2", "EC1A", "LS6", "G12"]) + " " + digits(1) + letters(2, "ABDEFGHJLNPQRSTUWXYZ"), False, ["postcode", "postal address"]),
    "ES_NIF": (from_stdnum(dni, lambda: digits(8) + R.choice(U)), True, ["NIF", "DNI"]),
    "ES_NIE": (from_stdnum(nie, lambda: R.choice("XYZ") + digits(7) + R.choice(U)), True, ["NIE", "número de identificación de extranjero"]),
    "ES_PASSPORT": (lambda: letters(3) + digits(6), False, ["pasaporte", "passport"]),
    "IT_FISCAL_CODE": (fiscal, True, ["codice fiscale", "fiscal code"]),
    "IT_VAT_CODE": (from_stdnum(iva, lambda: digits(11)), True, ["partita IVA", "p. iva"]),
    "IT_PASSPORT": (lambda: letters(2) + digits(7), False, ["passaporto", "passport"]),
    "IT_IDENTITY_CARD": (lambda: "C" + R.choice(U) + digits(5) + letters(2), False, ["carta d'identità", "identity card"]),
    "IT_DRIVER_LICENSE": (lambda: letters(2) + digits(7) + R.choice(U), False, ["patente", "patente di guida"]),
    "PL_PESEL": (from_stdnum(pesel, lambda: date6() + digits(5)), True, ["PESEL", "numer PESEL"]),
    "SG_NRIC_FIN": (nric, True, ["NRIC", "FIN number"]),
    "SG_UEN": (from_stdnum(uen, lambda: "T%02dLL" % R.randint(8, 19) + digits(4) + R.choice(U)), True, ["UEN", "unique entity number"]),
    "AU_ABN": (from_stdnum(abn, lambda: digits(11), lambda v: grouped(v, 2, 3, 3)), True, ["ABN", "Australian business number"]),
    "AU_ACN": (from_stdnum(acn, lambda: digits(9), lambda v: grouped(v, 3, 3)), True, ["ACN", "Australian company number"]),
    "AU_TFN": (from_stdnum(tfn, lambda: digits(9), lambda v: grouped(v, 3, 3)), True, ["TFN", "tax file number"]),
    "AU_MEDICARE": (medicare, True, ["Medicare card", "Medicare number"]),
    "IN_AADHAAR": (aadhaar, True, ["Aadhaar", "UIDAI number"]),
    "IN_PAN": (from_stdnum(pan, tax_id_in), False, ["PAN", "permanent account number"]),
    "IN_GSTIN": (from_stdnum(gstin, gst), True, ["GSTIN", "GST number"]),
    "IN_VOTER": (lambda: letters(3) + digits(7), False, ["voter id", "EPIC number"]),
    "IN_PASSPORT": (lambda: R.choice("JKLMNPRSTUVZ") + R.choice("12345678") + digits(5) + R.choice("123456789"), False, ["passport number", "Indian passport"]),
    "FI_PERSONAL_IDENTITY_CODE": (person_fi, True, ["hetu", "henkilötunnus", "personal identity code"]),
    "KR_RRN": (lambda: person_kr("1234"), True, ["resident registration number", "주민등록번호"]),
    "KR_FRN": (lambda: person_kr("5678"), False, ["foreigner registration number", "외국인등록번호"]),
    "KR_BRN": (from_stdnum(brn, company_kr, lambda v: v[:3] + "-" + v[3:5] + "-" + v[5:]), True, ["business registration number", "사업자등록번호"]),
    "CA_SIN": (from_stdnum(sin, lambda: R.choice("1234567") + digits(8), lambda v: grouped(v, 3, 3)), True, ["SIN", "social insurance number"]),
    "DE_TAX_ID": (from_stdnum(idnr, lambda: tax_de()), True, ["Steuer-ID", "Steueridentifikationsnummer"]),
    "DE_VAT_ID": (from_stdnum(vat, lambda: digits(9), lambda v: "DE" + v), True, ["USt-IdNr.", "VAT id"]),
    "DE_ID_CARD": (card_de, True, ["Personalausweis", "Ausweisnummer"]),
    "DE_SOCIAL_SECURITY": (pension_de, True, ["Rentenversicherungsnummer", "Sozialversicherungsnummer"]),
    "DE_HEALTH_INSURANCE": (health_de, True, ["Krankenversichertennummer", "Versichertennummer"]),
    "SE_PERSONNUMMER": (from_stdnum(personnummer, lambda: date6() + "-" + digits(4)), True, ["personnummer", "Swedish personal number"]),
    "SE_ORGANISATIONSNUMMER": (from_stdnum(orgnr, lambda: "5" + R.choice("56") + R.choice("2345") + digits(7), lambda v: v[:6] + "-" + v[6:]), True, ["organisationsnummer", "org.nr"]),
    "TH_TNIN": (from_stdnum(pin, lambda: R.choice("12345678") + digits(12)), True, ["Thai national id", "เลขประจำตัวประชาชน"]),
    "TR_NATIONAL_ID": (from_stdnum(tckimlik, lambda: R.choice("123456789") + digits(10)), True, ["TC kimlik", "kimlik numarası"]),
    "ZA_ID_NUMBER": (from_stdnum(za_id, lambda: date6() + digits(4) + "0" + "8" + digits(1)), True, ["South African ID number", "RSA identity number"]),
    "NG_NIN": (lambda: (lambda v: v + verhoeff.calc_check_digit(v))(R.choice("123456789") + digits(9)), True, ["NIN", "national identification number"]),
}

NAMED = ["My {n} is {v}.", "Please note the {n}: {v}", "the {n} {v} belongs to {w}", "{w} sent me this {n} {v} yesterday", "{n} = {v}, as agreed", "Is {v} still your {n}?"]
PLAIN = ["Here it is: {v}", "Please write down {v} for {w}.", "we talked about {v} yesterday", "{v}", "He gave me {v}, does that help?", "send {v} to {w} before noon"]
NOISE = [
    lambda: "Order %s was shipped on 2026-%02d-%02d with %d items" % (digits(R.choice([8, 10, 12])), R.randint(1, 12), R.randint(1, 28), R.randint(1, 90)),
    lambda: "Tracking 1Z%s, arrival between %d:00 and %d:30" % (letters(3) + digits(12), R.randint(8, 11), R.randint(12, 18)),
    lambda: "version %d.%d.%d of the library is broken since build %s" % (R.randint(0, 9), R.randint(0, 30), R.randint(0, 99), digits(6)),
    lambda: "see commit %s in the other branch" % "".join(R.choice("0123456789abcdef") for _ in range(40)),
    lambda: "the id of the session was %s" % uuid.UUID(int=R.getrandbits(128)),
    lambda: "we paid %d.%02d EUR for part %s-%s" % (R.randint(10, 9999), R.randint(0, 99), letters(2), digits(6)),
    lambda: "meet at %d.%04d, %d.%04d around %02d:%02d" % (R.randint(35, 60), R.randint(0, 9999), R.randint(1, 30), R.randint(0, 9999), R.randint(6, 22), R.randint(0, 59)),
    lambda: "ticket %s-%s is still open, %s knows more" % (letters(3), digits(5), word()),
    lambda: "%s %s sshd[%s]: session opened for %s" % (R.choice(["Jan", "May", "Oct"]), R.randint(1, 28), digits(4), word()),
    lambda: "measured %s %s %s and %s" % tuple(str(round(R.uniform(0, 1000), 3)) for _ in range(4)),
    lambda: "unix time %d, about %d bytes" % (R.randint(1500000000, 1900000000), R.randint(1000, 99999999)),
    lambda: "the lottery numbers were %s" % " ".join(str(R.randint(1, 49)) for _ in range(6)),
    lambda: "ISBN 978-%s-%s-%s-%s is out of print" % (digits(1), digits(4), digits(4), digits(1)),
    lambda: "serial %s, firmware %s" % (letters(4) + digits(8), letters(1) + digits(3)),
    lambda: "nothing to report from %s, the weather is fine" % word(),
]


def tax_de():
    """Ten digits of which exactly one comes twice, and a check digit."""
    d = R.sample("0123456789", 9)
    d.insert(R.randrange(1, 9), R.choice(d))
    return "".join(d) + digits(1)


LAST = {"AU_MEDICARE": 1}  # digits behind the check digit


def spoil(kind, v):
    """With another check digit, or another digit under a check letter."""
    for i in range(len(v) - 1 - LAST.get(kind, 0), -1, -1):
        if v[i].isdigit():
            return v[:i] + R.choice([c for c in "0123456789" if c != v[i]]) + v[i + 1:]
    return v[:-1]


def make(seed, each, noise):
    """-> items {type, text, value, kind}; kind: named, plain, wrong, noise. value of `wrong` and `noise`: None."""
    R.seed(seed)
    items = []
    for kind, (value, checked, names) in sorted(TYPES.items()):
        for i in range(each):
            v, fields = value(), {"n": R.choice(names), "w": word()}
            named = i % 2 == 0
            form = R.choice(NAMED if named else PLAIN)
            items.append({"type": kind, "kind": "named" if named else "plain", "value": v, "text": form.format(v=v, **fields)})
            if checked and i % 2 == 0:
                form = R.choice(NAMED if i % 4 == 0 else PLAIN)
                items.append({"type": kind, "kind": "wrong", "value": None, "text": form.format(v=spoil(kind, value()), n=R.choice(names), w=word())})
    for _ in range(noise):
        items.append({"type": None, "kind": "noise", "value": None, "text": R.choice(NOISE)()})
    return items
