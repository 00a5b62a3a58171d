"""X12 codes that mappings read and write, in our own words; and lists that are complete."""

CODES = {
    "66": (  # what kind of number names a party
        "1 DUNS; 2 SCAC; 9 DUNS with suffix; 91 number of the sender; 92 number of the receiver; 93 number of the "
        "ordering party; 94 number of the supplier; UL GLN; ZZ by agreement; 25 carrier's customer number; 54 "
        "warehouse number"
    ),
    "88": (  # what a mark is
        "GM SSCC; CP carrier's package number; UC U.P.C. shipping container; AA SSCC, application identifier; W "
        "pallet; ZZ by agreement; L line item; R originator's number"
    ),
    "91": (  # how goods travel
        "A air; M motor; R rail; X intermodal; S ocean; L contract carrier; T best way; U parcel service; H "
        "customer's own; LT less than truckload; C consolidation; E expedited"
    ),
    "98": (  # which part a party has
        "BT invoiced party; BY buyer; SE seller; SU supplier; VN vendor; SH shipper; SF ships from; ST ships to; CN "
        "consignee; WH warehouse; CA carrier; DE depositor; OB ordered by; RI payment goes to; PR payer; PE payee; MI "
        "planning schedule from; UC final consignee; LW customer of the warehouse; Z7 mark for; BS invoice and ship "
        "to; EX exporter; IM importer; NP to notify"
    ),
    "110": (  # how an application took a message
        "TA accepted; TC accepted with changes; TE accepted with errors; TP partly accepted; TR rejected; IA item "
        "accepted; IR item rejected; GA group accepted; GR group rejected; BA batch accepted; BR batch rejected"
    ),
    "128": (  # which number a reference is
        "PO purchase order; VN supplier's order; CO customer's order; BM bill of lading; CN carrier's tracking "
        "number; 2I tracking number; SI shipper's number; MB master bill; IV invoice; ON dealer order; DO delivery "
        "order; PK packing list; LO load; SN seal; EQ equipment; QN stop; MR merchandise type; DP department; IA "
        "internal vendor; SO sales order; RZ return authorisation; LT lot; SE serial number; CR customer reference; "
        "WH warehouse receipt; ZZ by agreement; TN transaction; AO appointment; LD load plan; PC production code; BX "
        "despatch; CT contract"
    ),
    "146": (  # who pays the freight
        "CC collect; PP prepaid by seller; TP third party; DF by buyer and seller; PC prepaid, charged to customer; "
        "DE per contract; MX mixed; NC free"
    ),
    "150": (  # what a charge is for
        "400 freight; 405 fuel; ENC fuel surcharge; DEL delivery; DET detention; LUM unloading; RES residential; SOC "
        "stop-off; DSC discount"
    ),
    "163": (  # why a stop is made
        "CL complete load; CU complete unload; LD load; PL part load; PU part unload; UL unload; DR drop; RT retrieve"
    ),
    "235": (  # which number an item has
        "BP buyer's part; VP vendor's part; VN vendor's item; UP U.P.C.; UK GTIN-14; EN EAN-13; IN buyer's item; MG "
        "manufacturer's part; SK stock keeping unit; LT lot; SN serial number; UA case code; UC case U.P.C.; UI "
        "U.P.C. consumer unit; PI purchaser's item; CB buyer's catalogue; ZZ by agreement"
    ),
    "353": (  # what a message does
        "00 original; 01 cancel; 02 add; 03 delete; 04 change; 05 replace; 06 confirm; 07 repeat; 14 advance notice; "
        "22 information copy; 24 draft; SU status update; CN complete"
    ),
    "355": (  # unit of a quantity
        "EA each; CA case; CT carton; PC piece; PL pallet; PK package; BX box; DZ dozen; LB pound; KG kilogram; GM "
        "gram; GA gallon; LT litre; FT foot; YD yard; MR metre; CF cubic foot; CR cubic metre; CI cubic inch; UN "
        "unit; TN short ton; MP metric ton; PR pair; BG bag; DR drum"
    ),
    "363": (  # what a note is about
        "DEL delivery; WHI warehouse; GEN whole message; SPH handling; INT internal; LOI loading; INV invoice; OTH "
        "other"
    ),
    "368": (  # what became of an ordered item
        "CC shipped complete; CL complete with substitution; CP partial, order is complete; BO rest is back-ordered; "
        "BP partial, rest is back-ordered; IC cancelled; ID discontinued; IS substituted; OS out of stock; PS in "
        "process; SP scheduled; SS split"
    ),
    "374": (  # which moment a date is
        "001 cancel after; 002 delivery wanted; 003 invoice; 004 purchase order; 007 effective; 009 process; 010 ship "
        "wanted; 011 shipped; 017 estimated delivery; 018 available; 035 delivered; 036 expires; 037 ship not before; "
        "038 ship no later; 050 received; 055 confirmed; 063 deliver not after; 064 deliver not before; 067 current "
        "schedule delivery; 068 current schedule ship; 069 promised for delivery; 079 promised for shipment; 097 "
        "transaction; 106 required by; 118 requested pick-up; 370 actual departure; 371 estimated arrival; 372 actual "
        "arrival"
    ),
    "412": (  # in which condition goods came
        "01 damaged; 02 short; 03 over; 04 not as ordered; 05 defective; 07 good; 08 wrong item; 09 late; 10 early"
    ),
    "426": (  # why an amount is adjusted
        "01 price; 02 allowance; 03 goods returned; 04 quantity short; 06 damaged; 11 freight; ZZ by agreement"
    ),
    "432": (  # which moment a date of transport is
        "02 delivery wanted; 04 purchase order; 07 effective; 09 process; 10 ship wanted; 11 shipped; 17 estimated "
        "delivery; 35 delivered; 37 ship not before; 38 ship not after; 53 deliver not before; 54 deliver not after; "
        "64 must be delivered; 67 delivered as requested; 68 requested delivery; 69 scheduled pick-up; 70 scheduled "
        "delivery; 86 actual pick-up; BD cancel after; EP earliest pick-up; LP latest pick-up"
    ),
    "473": (  # what a warehouse order does
        "N original; F cancel; R replace; C change; A add"
    ),
    "514": (  # what a warehouse report says
        "F full shipment; P partial shipment; A advance; C cancelled; J original; 4 delivery; R replacement; N return"
    ),
    "522": (  # which amount it is
        "1 line total; GV gross value; N net; TT total of transaction; 5 total invoice; T tax; BAP base price"
    ),
    "558": (  # whether a tender is taken
        "A accepted; D declined; E reservation accepted; C cancelled; R reservation cancelled"
    ),
    "587": (  # how an order is answered
        "AC with detail and change; AD with detail, no change; AE with exceptions only; AH held; AK acknowledged; AP "
        "accepted; AT accepted; RD rejected with detail; RF rejected, reason follows; RJ rejected; NA none needed; ZZ "
        "by agreement"
    ),
    "623": (  # in which zone a time is
        "UT universal; LT local; ET Eastern; CT Central; MT Mountain; PT Pacific; AT Alaska; HT Hawaii; ES Eastern "
        "standard; ED Eastern daylight; CS Central standard; CD Central daylight; MS Mountain standard; MD Mountain "
        "daylight; PS Pacific standard; PD Pacific daylight; GM Greenwich"
    ),
    "668": (  # how a line of an order is answered
        "IA accepted; IB back-ordered; IC accepted with changes; ID deleted; IP accepted, price changed; IQ accepted, "
        "quantity changed; IR rejected; IS accepted, substituted; AC accepted and shipped; BP partly, rest "
        "back-ordered; DR accepted, date rescheduled; SP accepted, schedule pending; IH on hold"
    ),
    "670": (  # what a change does to a line
        "AI add; CA change; CH change of header; CT change of dates; DI delete; MU several; NC none; OA original, "
        "changed by seller; OC cancelled; PC price; PQ price and quantity; PR price; QD less; QI more; RQ reschedule "
        "quantity; RS reschedule; RZ replace all"
    ),
    "673": (  # which quantity it is
        "01 discrete; 02 cumulative received; 17 on hand; 20 undelivered; 33 available; 38 original; 39 shipped; 63 "
        "on order; 72 sold; 73 returned; 87 received; 99 invoiced; V3 transferred in; V2 transferred out; QA "
        "acceptable; QH on hold; 18 damaged; 77 stock transfers out"
    ),
    "680": (  # how firm a forecast is
        "A immediate; B pilot; C firm; D planning; Z by agreement"
    ),
    "681": (  # how often a forecast is
        "C daily; D discrete; F flexible interval; M monthly; W weekly; Q quarterly"
    ),
    "715": (  # what became of a group
        "A accepted; E accepted with errors; M rejected, authentication; P partly accepted; R rejected; W rejected, "
        "assurance; X rejected, content"
    ),
    "717": (  # what became of a set
        "A accepted; E accepted with errors; M rejected, authentication; R rejected; W rejected, assurance; X "
        "rejected, content"
    ),
    "735": (  # what a level of a despatch is
        "S shipment; O order; T tare; P pack; I item; E equipment; K kit; Q sub-pack"
    ),
    "755": (  # what an inventory message is
        "DD distributor's inventory; II inventory; MB manufacturer's; MM on hand; PI product availability; SI "
        "seller's; WH warehouse"
    ),
    "1650": (  # what happened to a shipment
        "A3 returned to shipper; A7 refused by consignee; A9 damaged; AA pick-up appointment made; AB delivery "
        "appointment made; AF left the pick-up place; AG delivery is estimated; AH delivery attempted; AI "
        "reconsigned; AJ tendered for delivery; AM loaded on truck; AO loaded on ship; AP not delivered; AR rail "
        "reports; AV available for delivery; B6 estimated to arrive; BA connecting line; C1 estimated to leave the "
        "terminal; CA cancelled; CB chassis tied; CD carrier left delivery; CP loading done; D1 delivered; I1 gate "
        "in; J1 handed to connecting line; K1 held; L1 loading begins; NS no special status; OA gate out; P1 left the "
        "terminal; R1 received from connecting line; S1 trailer spotted; SD delayed; X1 arrived for delivery; X2 "
        "estimated at consignee; X3 arrived for pick-up; X4 arrived at terminal; X5 arrived at terminal by delivery "
        "carrier; X6 on the way to delivery; X8 arrived at pick-up for loading; XB shipment acknowledged"
    ),
    "1651": (  # why it happened
        "NS normal; A1 address missing; A2 wrong address; AG consignee; AI mechanical; AJ other carrier; AL previous "
        "stop; AM shipper; AO weather; AQ recipient away; AS holds for appointment; AV carrier could not keep "
        "schedule; B1 consignee closed; B2 trap for customer; B5 held for consignee; BB held per shipper; BF "
        "carrier's keying error; BG other; BK prearranged appointment; BS refused by customer; BT return to shipper; "
        "C2 waiting for customer pick-up; C3 credit hold; P1 processing delay; S1 delivery shortage; T1 no tractor; "
        "T2 no trailer"
    ),
}
"""By element: each code that mappings use, and what it says. A code that is not here is not wrong, only not ours."""

CHECKED: dict[str, frozenset[str]] = {
    "715": frozenset(("A", "E", "M", "P", "R", "W", "X")),
    "717": frozenset(("A", "E", "M", "R", "W", "X")),
}
"""Lists that are complete: what is not in one is found."""


def codes(element: str) -> dict[str, str]:
    """The codes of an element with their meaning; none for an element that has no codes of ours."""
    entries = (entry.partition(" ") for entry in CODES.get(element, "").split("; ") if entry)
    return {code: words for code, _, words in entries}
