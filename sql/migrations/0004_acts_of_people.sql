-- The newest acts of people are found without a look at every event. The index has the events whose envelope has the role
-- of a person as bytes: in canonical JSON, a text cannot contain these bytes, because its quotation marks are escaped.
CREATE FUNCTION log.by_person(envelope bytea) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT position('"role":"user"'::bytea IN envelope) > 0 OR position('"role":"director"'::bytea IN envelope) > 0
$$;
CREATE INDEX event_by_person ON log.event (seq) WHERE log.by_person(envelope);
