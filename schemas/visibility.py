"""Search attributes: the one list that the embedded stack, docker-compose and the workflows share.

SQL visibility allows at most ten Keyword attributes in a namespace; seven are used.
"""

SEARCH_ATTRIBUTES: dict[str, str] = {
    "OrderStatus": "Keyword",
    "ErpSystem": "Keyword",
    "Site": "Keyword",
    "Carrier": "Keyword",
    "Region": "Keyword",
    "Priority": "Keyword",
    "FailureOrigin": "Keyword",
    "ExceptionKinds": "KeywordList",
    "PromisedAt": "Datetime",
    "Eta": "Datetime",
    "DelayMinutes": "Int",
}
