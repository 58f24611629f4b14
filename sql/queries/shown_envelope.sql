SELECT convert_from(envelope, 'UTF8') FROM log.event WHERE seq = {seq}
