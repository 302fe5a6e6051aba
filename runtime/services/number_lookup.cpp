#include "runtime/services/number_lookup.h"

#include "runtime/providers/country.h"
#include "runtime/services/number_service.h"

namespace trunkline {

service::NumberInfo look_up_number(std::string_view number) {
  check_e164(number, "phoneNumbers");
  const std::string_view country = country_of(number);
  const NumberPlace place = place_of(country, number);
  service::NumberInfo info;
  info.number = number;
  info.national_format = national_format(place, number);
  info.international_format = international_format(place, number);
  if (!country.empty()) info.country_code = std::string(country);
  // In North America the numbers of places and of mobile phones look alike; they count as those of places.
  if (place.offer)
    info.type = place.offer->type;
  else if (number.starts_with("+1"))
    info.type = service::NumberType::kGeographic;
  info.operator_name = "Trunkline Sandbox";
  return info;
}

}  // namespace trunkline
