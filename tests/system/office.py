# SPDX-License-Identifier: GPL-3.0-or-later
"""
An office's day of questions, made up after what real ones look like: services on content networks whose leaves are
numbered differently each day, names with random labels, and what is asked for nothing: typing errors, search lists,
probes of browsers. The same seed gives the same day.
"""
import random

import wire
from upstream import number, soa

CLIENTS = [f"127.0.1.{n}" for n in range(1, 13)]
VENDORS = ["contoso", "fabrikam", "northwind", "tailspin", "wingtip", "adatum", "litware", "proseware", "woodgrove",
           "treyresearch", "alpineski", "margies", "lucerne", "humongous", "graphicdesign", "fourthcoffee", "coho",
           "consolidated", "cityarts", "blueyonder", "baldwin", "bestforyou", "vanarsdel", "relecloud", "olympia",
           "nodpublishers", "munson", "firstup", "fineart", "datum"]
HOSTS = ["www", "api", "login", "static", "cdn", "mail", "docs", "support"]
MAPS = ["dscd", "dscb", "dspb", "g", "a", "b"]
REGIONS = ["westeurope", "northeurope", "eastus"]
HEX = "0123456789abcdef"


class Day:
    """The questions of a day, and the answers to them."""

    def __init__(self, seed):
        self.same = random.Random("every day")       # what is the same each day
        self.new = random.Random(f"day {seed}")      # leaves, random labels, who asks
        self.links = {}                              # owner -> target
        self.legitimate = []                         # names that work needs
        self.garbage = []                            # (name, type) that do not exist
        self.tunnel = []
        self.stable()
        self.numbered()
        self.random_labels()
        self.useless()
        self.missing = set(self.garbage)

    def chain(self, *names):
        self.links.update(zip(names, names[1:]))
        self.legitimate.append(names[0])

    def leaf(self, low, high):
        return self.new.randrange(low, high)

    def stable(self):
        """Every day the same names; behind some of them a content network."""
        kinds = [self.direct, self.edgekey, self.edgesuite, self.traffic_manager, self.cloudfront, self.fastly]
        for vendor in VENDORS:
            domain = f"{vendor}.{self.same.choice(['com', 'net', 'co.uk', 'de'])}"
            for host in self.same.sample(HOSTS, self.same.randrange(3, 7)):
                self.same.choice(kinds)(f"{host}.{domain}", vendor)

    def direct(self, name, vendor):
        self.legitimate.append(name)

    def edgekey(self, name, vendor):
        place = self.same.choice(MAPS)
        self.chain(name, f"{name}.edgekey.net", f"e{self.leaf(1000, 99999)}.{place}.akamaiedge.net")

    def edgesuite(self, name, vendor):
        place = self.same.choice(["dspw65", "g", "dscd"])
        self.chain(name, f"{name}.edgesuite.net", f"a{self.leaf(10, 1999)}.{place}.akamai.net")

    def traffic_manager(self, name, vendor):
        region = self.same.choice(REGIONS)
        host = name.split(".")[0]
        self.chain(name, f"{vendor}-{host}-prod.trafficmanager.net", f"{vendor}-{host}.{region}.cloudapp.azure.com")

    def cloudfront(self, name, vendor):
        label = "d" + "".join(self.same.choice(HEX) for _ in range(13))
        self.chain(name, f"{label}.cloudfront.net")

    def fastly(self, name, vendor):
        self.chain(name, f"{vendor}.map.fastly.net")

    def numbered(self):
        """Names of which tomorrow others are asked for."""
        for _ in range(40):
            self.legitimate.append(f"{self.leaf(1, 500)}.tlu.dl.updates.contoso.com")
            self.chain(f"img{self.leaf(1, 900)}.pics.fabrikam.net", f"pics{self.leaf(1, 50)}.fabrikam.net.edgesuite.net",
                       f"a{self.leaf(10, 1999)}.g.akamai.net")
            self.legitimate.append(f"node{self.leaf(1, 200)}-dc2.mesh.litware.com")
            self.legitimate.append(f"s{self.leaf(1, 90)}.dc{self.leaf(1, 9)}.voice.adatum.com")

    def random_labels(self):
        for _ in range(25):
            label = "".join(self.new.choice(HEX) for _ in range(32))
            parts = [label[:8], label[8:12], label[12:16], label[16:20], label[20:]]
            self.legitimate.append(f"{'-'.join(parts)}.events.northwind.com")
            self.legitimate.append(f"{label[:12]}7b.rum.wingtip.com")

    def useless(self):
        letters = "bcdfghklmnpqrst"
        for _ in range(60):
            self.garbage.append(("".join(self.new.choice(letters) for _ in range(self.leaf(7, 15))), "A"))
        for vendor in VENDORS:
            self.garbage.append((f"www.{vendor}.corp.example.org.corp.example.org", "A"))
            self.garbage.append((f"ww.{vendor[:-1]}x.com", "A"))
        for host in ("wpad", "isatap", "fileserver", "printer-3"):
            self.garbage += [(host, "A"), (f"{host}.corp.example.org", "A")]
        self.garbage += [(f"{self.leaf(1, 250)}.{self.leaf(1, 250)}.100.203.in-addr.arpa", "PTR") for _ in range(20)]
        self.garbage += [("_ldap._tcp.dc._msdcs.corp.example.org", "SRV"), ("use-application-dns.net", "A")]
        for _ in range(120):
            label = "".join(self.new.choice(HEX) for _ in range(56))
            self.tunnel.append((f"{label}.x{label[:20]}.t.exfil.example.net", "A"))

    def questions(self):
        """(client, name, type) in the order they are asked."""
        asked = []
        for name in dict.fromkeys(self.legitimate):
            for client in self.new.sample(CLIENTS, self.new.choice([1, 1, 2, 4])):
                asked += [(client, name, rtype) for rtype in ("A", "AAAA")]
        asked += [(self.new.choice(CLIENTS), *one) for one in self.garbage]
        asked += [("127.0.1.66", *one) for one in self.tunnel]
        self.new.shuffle(asked)
        return asked

    def serve(self, question):
        """As an upstream would answer."""
        if (question.name, question.type) in self.missing:
            return question.reply(authority=[soa(".")], rcode=wire.NXDOMAIN)
        records, owner = [], question.name
        while owner in self.links:
            records.append(wire.record(owner, "CNAME", 60, self.links[owner]))
            owner = self.links[owner]
        if question.type != "A":
            return question.reply(records, [soa(".")])
        return question.reply(records + [wire.record(owner, "A", 60, number(question))])

    @property
    def names(self):
        return list(dict.fromkeys(self.legitimate))
