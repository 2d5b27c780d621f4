SELECT CASE
    WHEN known.person IS NULL THEN 'nothing is known of the calendar'
    WHEN known.unknown IS NOT NULL THEN known.unknown
    WHEN known.as_of < :now - :oldest THEN 'what is known of the calendar is too old'
    WHEN known.as_of > :now + :oldest THEN 'the clocks of Accord and of this database differ'
    WHEN :start < known.as_of - :oldest OR :end > known.until THEN 'the calendar was not asked about that time'
    WHEN EXISTS (
        SELECT 1 FROM availability taken
        WHERE taken.person = asked.person
            -- Whole days are as in UTC; where on earth they begin is not known, which is 14 hours before at most
            AND taken.starts_at - CASE WHEN taken.all_day THEN 50400 ELSE 0 END < :end
            AND taken.ends_at + CASE WHEN taken.all_day THEN 43200 ELSE 0 END > :start
    ) THEN 'the calendar is taken'
END
FROM (SELECT CAST(:person AS TEXT) AS person) asked
LEFT JOIN availability_as_of known ON known.person = asked.person
