// Counters, gauges and histograms in the Prometheus data model.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// A handle to one time series; cheap to copy, valid while its Metrics lives. [any-thread]
class Counter {
 public:
  Counter() = default;
  void add(double value = 1) const;

 private:
  friend class Metrics;
  explicit Counter(void* p) : series_(p) {}
  void* series_ = nullptr;
};
class Gauge {
 public:
  Gauge() = default;
  void set(double value) const;
  void add(double value) const;

 private:
  friend class Metrics;
  explicit Gauge(void* p) : series_(p) {}
  void* series_ = nullptr;
};
class Histogram {
 public:
  Histogram() = default;
  void observe(double value) const;

 private:
  friend class Metrics;
  explicit Histogram(void* p) : series_(p) {}
  void* series_ = nullptr;
};

/// The registry of one runtime. Names follow Prometheus: `trunkline_sms_accepted_total`, seconds and bytes as units. [any-thread]
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Counter counter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  /// `bounds`: upper bounds of the buckets; empty: 0.5 ms to 10 s.
  Histogram histogram(const std::string& name, const std::string& help, const MetricLabels& labels = {},
                      std::vector<double> bounds = {});
  /// Text format 0.0.4.
  std::string expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
