"""The keys under which workflows are indexed: one for each name in `schemas.search_attributes`, and of its type."""

from temporalio.common import SearchAttributeKey

ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
ERP_SYSTEM = SearchAttributeKey.for_keyword("ErpSystem")
SITE = SearchAttributeKey.for_keyword("Site")
CARRIER = SearchAttributeKey.for_keyword("Carrier")
REGION = SearchAttributeKey.for_keyword("Region")
PRIORITY = SearchAttributeKey.for_keyword("Priority")
FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
NEXT_MILESTONE = SearchAttributeKey.for_keyword("NextMilestone")
EXCEPTION_KINDS = SearchAttributeKey.for_keyword_list("ExceptionKinds")
OPEN_CASES = SearchAttributeKey.for_keyword_list("OpenCases")
PROMISED_AT = SearchAttributeKey.for_datetime("PromisedAt")
ETA = SearchAttributeKey.for_datetime("Eta")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")
DELAY_MINUTES = SearchAttributeKey.for_int("DelayMinutes")
