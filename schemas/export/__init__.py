"""The contracts written for those who connect: JSON Schema of each message, OpenAPI of what systems implement."""
