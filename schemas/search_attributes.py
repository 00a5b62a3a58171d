"""Search attributes: the one list that the embedded stack, docker-compose and the workflows share.

SQL visibility allows at most ten Keyword attributes in a namespace; nine are used.
"""

SEARCH_ATTRIBUTES: dict[str, str] = {
    "OrderStatus": "Keyword",
    "ErpSystem": "Keyword",
    "Site": "Keyword",
    "Carrier": "Keyword",
    "Region": "Keyword",
    "Priority": "Keyword",
    "FailureOrigin": "Keyword",
    "LastFailure": "Keyword",
    "NextMilestone": "Keyword",
    "ExceptionKinds": "KeywordList",
    "OpenCases": "KeywordList",
    "PromisedAt": "Datetime",
    "Eta": "Datetime",
    "NextDue": "Datetime",
    "DelayMinutes": "Int",
}
