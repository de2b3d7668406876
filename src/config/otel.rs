//! The standard variables of OpenTelemetry, as far as they say whether anything is exported; the rest of them is read by
//! the exporter itself.

/// What is exported by the standard variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Otel {
    /// Spans: a collector is named, and nothing switches it off.
    pub traces: bool,
}

impl Otel {
    pub(super) fn read(environment: &[(String, String)]) -> Self {
        let value = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.trim()).unwrap_or_default()
        };
        let names_collector = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
            .iter()
            .any(|name| !value(name).is_empty());
        let is_off = value("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true")
            || value("OTEL_TRACES_EXPORTER").eq_ignore_ascii_case("none");
        Self { traces: names_collector && !is_off }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(variables: &[(&str, &str)]) -> bool {
        let owned: Vec<_> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Otel::read(&owned).traces
    }

    #[test]
    fn a_collector_switches_traces_on_and_a_word_switches_them_off() {
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert!(!traces(&[]) && !traces(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(
            traces(&[collector]) && traces(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/v1/traces")])
        );
        assert!(!traces(&[collector, ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(!traces(&[collector, ("OTEL_TRACES_EXPORTER", "none")]));
        assert!(traces(&[collector, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]));
    }
}
