#include "runtime/diagnostics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "trunkline/error.hpp"

namespace trunkline {
namespace {

const std::vector<double>& default_bounds() {
  static const std::vector<double> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return bounds;
}

// prometheus-cpp throws std::invalid_argument for bad names and for one name used for two types: both are our mistakes.
template <class F>
auto registering(const std::string& name, F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    throw Error(ErrorCode::kInternal, "metric " + name + ": " + e.what(), name);
  }
}

prometheus::Labels to_labels(const MetricLabels& labels) { return {labels.begin(), labels.end()}; }

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return registering(name, [&] {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    return Counter(&family.Add(to_labels(labels)));
  });
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return registering(name, [&] {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    return Gauge(&family.Add(to_labels(labels)));
  });
}

Histogram Metrics::histogram(const std::string& name, const std::string& help, const MetricLabels& labels,
                             std::vector<double> bounds) {
  return registering(name, [&] {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    return Histogram(&family.Add(to_labels(labels), bounds.empty() ? default_bounds() : std::move(bounds)));
  });
}

std::string Metrics::expose() const { return prometheus::TextSerializer().Serialize(impl_->registry.Collect()); }

void Counter::add(double value) const {
  if (series_) static_cast<prometheus::Counter*>(series_)->Increment(value);
}
void Gauge::set(double value) const {
  if (series_) static_cast<prometheus::Gauge*>(series_)->Set(value);
}
void Gauge::add(double value) const {
  if (series_) static_cast<prometheus::Gauge*>(series_)->Increment(value);
}
void Histogram::observe(double value) const {
  if (series_) static_cast<prometheus::Histogram*>(series_)->Observe(value);
}

}  // namespace trunkline
