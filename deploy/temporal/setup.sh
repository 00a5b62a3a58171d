#!/bin/sh
# Creates the namespace and registers the search attributes. Safe to run again; fails when a type has changed.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, RETENTION and SEARCH_ATTRIBUTES ("Name=Type Name=Type ...").
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
# A new namespace is known to every part of the server within some seconds.
tries=30
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 1
done
for attribute in $SEARCH_ATTRIBUTES; do
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name "${attribute%%=*}" --type "${attribute#*=}"
done
