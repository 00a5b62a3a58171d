"""EDIFACT codes that mappings read and write, in our own words; and lists that are complete."""

CODES = {
    "0081": (  # which part begins
        "D detail; S summary"
    ),
    "0083": (  # what became of it
        "4 rejected; 7 accepted; 8 received"
    ),
    "1001": (  # what a document is
        "220 order; 221 blanket order; 224 rush order; 226 call-off; 227 consignment order; 228 sample order; 230 "
        "change of order; 231 answer to an order; 241 delivery schedule; 236 delivery forecast; 245 delivery release; "
        "270 delivery note; 335 booking request; 340 shipping instructions; 350 despatch order; 351 despatch advice; "
        "380 invoice; 381 credit note; 383 debit note; 384 corrected invoice; 386 prepayment invoice; 389 self-billed "
        "invoice; 393 factored invoice; 35 inventory; 23 status; 312 acknowledgement; 313 application error; 632 "
        "goods receipt; 705 bill of lading; 730 road consignment note; 740 air waybill; 770 booking confirmation; 610 "
        "forwarding instructions"
    ),
    "1153": (  # which number a reference is
        "ON order; VN supplier's order; CR customer reference; CU consignor's reference; DQ delivery note; AAK "
        "despatch advice; AAN delivery schedule; AAS transport document; AAU despatch note; IV invoice; CT contract; "
        "BM bill of lading; BN booking; CN carrier's reference; CO buyer's order; FF forwarder's reference; SRN "
        "shipment; TN transaction; ACW previous message; ACE related document; ALO receiving advice; EQ equipment; PD "
        "promotion; PL price list; VA VAT number; BT batch; SE serial number; SI shipper's identifying number; AAJ "
        "delivery order; LI line; AWB air waybill; HWB house waybill; MB master bill; UCN unique consignment "
        "reference"
    ),
    "1225": (  # what a message does
        "1 cancel; 2 add; 3 delete; 4 change; 5 replace; 6 confirm; 7 repeat; 9 original; 11 answer; 27 not accepted; "
        "29 accepted without change; 31 copy; 34 accepted with change; 35 whole again; 42 confirmed by other means; "
        "44 accepted without reserve"
    ),
    "1229": (  # what is done with a line
        "1 add; 2 delete; 3 change; 4 none; 5 accept without change; 6 accept with change; 7 not accept; 10 not "
        "found; 11 not amended; 24 accept with change, no confirmation"
    ),
    "2005": (  # which moment it is
        "2 delivery wanted; 4 order; 7 effective; 10 ship wanted; 11 despatched; 17 estimated delivery; 35 delivered; "
        "36 expires; 37 ship not before; 38 ship not after; 50 goods received; 55 confirmed; 61 cancel if not "
        "delivered; 63 deliver not after; 64 deliver not before; 67 current delivery schedule; 69 promised for "
        "delivery; 76 scheduled for delivery; 79 promised for shipment; 97 transaction; 132 estimated arrival; 133 "
        "estimated departure; 136 departure; 137 document; 143 accepted for transport; 171 reference; 178 actual "
        "arrival; 186 actual departure; 189 scheduled departure; 194 begin; 200 pick-up; 203 execution; 206 end; 232 "
        "scheduled arrival; 234 earliest pick-up; 334 status changed; 361 best before; 364 minimum time to expiry; "
        "366 stock taking"
    ),
    "2379": (  # how a moment is written
        "101 YYMMDD; 102 CCYYMMDD; 201 YYMMDDHHMM; 203 CCYYMMDDHHMM; 204 CCYYMMDDHHMMSS; 205 CCYYMMDDHHMM with zone; "
        "303 CCYYMMDDHHMM with zone code; 602 CCYY; 610 CCYYMM; 616 CCYYWW; 713 YYMMDDHHMM twice; 716 CCYYWW twice; "
        "718 CCYYMMDD twice; 719 CCYYMMDDHHMM twice; 801 years; 802 months; 803 weeks; 804 days; 805 hours"
    ),
    "3035": (  # which part a party has
        "BY buyer; SU supplier; SE seller; DP delivery place; ST ships to; SF ships from; IV invoiced party; CA "
        "carrier; CN consignee; CZ consignor; FW forwarder; WH warehouse keeper; UC final consignee; MS sender of the "
        "message; MR receiver of the message; PE payee; PR payer; II issuer of the invoice; DL factor; NI to notify; "
        "OB ordered by; PW despatch place; GS consignor's representative; LD recipient of logistics services; WS "
        "wholesaler"
    ),
    "3227": (  # which place it is
        "5 departure; 7 delivery; 8 destination; 9 loading; 11 discharge; 13 transhipment; 14 goods; 18 warehouse; 60 "
        "arrival; 76 original loading; 88 receipt; 92 route; 125 last; 147 stowage; 172 report; 175 activity; 198 "
        "original; 1 delivery terms; 27 origin; 57 payment"
    ),
    "4451": (  # what a text is about
        "AAI general; DEL delivery; INV invoice; PUR purchasing; DIN delivery instructions; TRA transport; HAN "
        "handling; SIN special; ZZZ by agreement; AAA goods; AAO error; WHI warehouse; ACB additional; CHG change; "
        "AFM title; LOI loading; ACD reason"
    ),
    "5025": (  # which amount it is
        "9 due; 38 invoice line item; 39 invoice total; 66 goods item total; 77 invoice; 79 total of lines; 86 "
        "message total; 8 charge or allowance; 23 charge; 124 tax; 125 taxable; 128 total; 131 total charges and "
        "allowances; 146 unit price; 203 line item; 24 sum of lines; 64 freight; 176 total tax"
    ),
    "5125": (  # which price it is
        "AAA net; AAB gross; AAE information; AAF information, without charges; INF information; CAL calculated; INV "
        "invoiced"
    ),
    "6063": (  # which quantity it is
        "1 discrete; 12 despatched; 17 on hand; 21 ordered; 46 delivered; 47 invoiced; 48 received; 52 per pack; 53 "
        "minimum order; 59 in the traded unit; 61 returned; 73 outstanding; 83 back order; 84 urgent; 99 estimated; "
        "113 to be delivered; 119 short shipped; 124 damaged; 131 delivery quantity; 145 actual stock; 153 sales; 192 "
        "free goods; 194 received and accepted; 195 received, not accepted; 196 received, not accepted, destroyed; 11 "
        "split; 3 cumulative; 70 cumulative received; 79 cumulative scheduled"
    ),
    "6069": (  # which total it is
        "1 sum of quantities; 2 lines; 7 gross weight; 11 packages; 15 volume; 16 equipment; 26 gross volume; 18 net "
        "weight"
    ),
    "6411": (  # unit of a quantity
        "PCE piece; EA each; KGM kilogram; GRM gram; TNE tonne; LTR litre; MLT millilitre; MTR metre; CMT centimetre; "
        "MMT millimetre; MTQ cubic metre; MTK square metre; CT carton; PK package; PF pallet; BX box; SET set; PR "
        "pair; LBR pound; H87 piece; DAY day; HUR hour"
    ),
    "7065": (  # how goods are packed
        "CT carton; BX box; PX pallet; PK package; BG bag; DR drum; CS case"
    ),
    "7077": (  # how an item is described
        "A free, long; B code and text; C code; F free; S structured; E free, short"
    ),
    "7143": (  # which number an item has
        "EN EAN; SRV GTIN; UP U.P.C.; IN buyer's item; SA supplier's item; BP buyer's part; MF manufacturer's item; "
        "IB ISBN; BB batch; SN serial number; PV variant; GB buyer's group; GN national group; HS customs code; MP "
        "product; VN vendor's item; AC HIBC"
    ),
    "7405": (  # which number an object has
        "BJ SSCC; BN serial number; BX batch; ML shipping mark; AW serial shipping container"
    ),
    "8051": (  # which leg a transport is
        "1 inland; 2 border; 10 pre-carriage; 12 departure; 13 destination; 20 main; 21 main, first leg; 30 on-carriage"
    ),
    "8053": (  # what a piece of equipment is
        "CN container; TE trailer; CH chassis; RR rail car; SW swap body; PA pallet; RG reefer generator; BX boxcar"
    ),
    "8067": (  # how goods travel
        "0 not said; 1 sea; 2 rail; 3 road; 4 air; 5 mail; 6 multimodal; 8 inland water; 9 by agreement"
    ),
    "9011": (  # status up to D.99A
        "1 arrived; 7 cancelled; 15 consolidated; 18 damaged; 20 delayed; 21 delivered; 22 delivery completed; 24 "
        "departed; 25 departure delayed; 27 despatched; 31 in transit; 48 loaded; 49 lost; 72 receipt acknowledged in "
        "full; 73 receipt acknowledged in part; 74 received; 77 refused; 80 returned to shipper; 82 returned; 93 "
        "stuffed; 101 late in transit; 23 delivery not completed; 29 discharged"
    ),
}
"""By element: each code that mappings use, and what it says. A code that is not here is not wrong, only not ours."""

CHECKED: dict[str, frozenset[str]] = {
    "0083": frozenset(("4", "7", "8")),
    "0081": frozenset(("D", "S")),
}
"""Lists that are complete: what is not in one is found."""


def codes(element: str) -> dict[str, str]:
    """The codes of an element with their meaning; none for an element that has no codes of ours."""
    entries = (entry.partition(" ") for entry in CODES.get(element, "").split("; ") if entry)
    return {code: words for code, _, words in entries}
