// Providers that answer with what they were asked, as far as the types go.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "trunkline/identity_provider.hpp"
#include "trunkline/media_provider.hpp"
#include "trunkline/pstn_provider.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::fake {

class EchoSms final : public sms::SmsProvider {
 public:
  Task<std::vector<sms::SmsSendResult>> send(Call, sms::SmsSendRequest request) override {
    std::vector<sms::SmsSendResult> results;
    for (const sms::Recipient& recipient : request.recipients) {
      sms::SmsSendResult result;
      result.message_id = recipient.message_id;
      result.accepted = recipient.on_net;
      result.provider_code = request.text + "|" + std::to_string(static_cast<int>(request.encoding));
      if (request.valid_until) result.price_micros = request.valid_until->time_since_epoch().count();
      for (const auto& [key, value] : request.properties.value_or(Properties())) *result.provider_code += "|" + key + "=" + value;
      results.push_back(std::move(result));
    }
    co_return results;
  }
  sms::SmsCapabilities capabilities(const Call&) override {
    sms::SmsCapabilities can;
    can.countries = {"US", "DE"};
    return can;
  }
};

class EchoIdentity final : public identity::IdentityProvider {
 public:
  Task<identity::AccessToken> exchange(Call, identity::ExchangeRequest request) override {
    identity::AccessToken token;
    if (const auto* teams = request.credential.teams()) token.token = "teams " + teams->app_id;
    if (const auto* refresh = request.credential.refresh_token()) token.token = "refresh " + *refresh;
    co_return token;
  }
  Task<std::vector<identity::SigningKey>> signing_keys(Call) override {
    std::vector<identity::SigningKey> keys(2);
    for (int i = 0; i < 9; ++i) keys[0].public_key.push_back(static_cast<std::uint8_t>(250 + i));
    co_return keys;
  }
  identity::IdentityCapabilities capabilities(const Call&) override { throw Error(ErrorCode::kPermissionDenied, "not you"); }
};

class EchoPstn final : public pstn::PstnProvider {
 public:
  Task<void> dial(Call, pstn::DialRequest request) override {
    if (request.headers)
      throw Error(ErrorCode::kUnknown, request.headers->at("X-Größe"), std::to_string(request.ring_timeout.count()));
    co_return;
  }
};

class EchoMedia final : public media::MediaProvider {
 public:
  /// As many frames as the text has letters, each with its letter.
  Task<std::unique_ptr<StreamSource<media::AudioFrame>>> render(Call, media::PlaySource source,
                                                                media::AudioFormat format) override {
    class Frames final : public StreamSource<media::AudioFrame> {
     public:
      Frames(std::string text, std::int32_t bytes) : text_(std::move(text)), bytes_(static_cast<std::size_t>(bytes)) {}
      Task<std::vector<media::AudioFrame>> next(std::uint32_t max) override { return frames(this, max); }

     private:
      static Task<std::vector<media::AudioFrame>> frames(Frames* self, std::uint32_t max) {
        std::vector<media::AudioFrame> out;
        while (self->at_ < self->text_.size() && out.size() < std::min<std::size_t>(max, 3)) {
          media::AudioFrame frame;
          frame.position = static_cast<std::int64_t>(self->at_);
          frame.samples.assign(self->bytes_, static_cast<std::uint8_t>(self->text_[self->at_++]));
          out.push_back(std::move(frame));
        }
        co_return out;
      }
      std::string text_;
      std::size_t bytes_;
      std::size_t at_ = 0;
    };
    std::string text;
    if (const auto* plain = source.text()) text = *plain;
    if (const auto* audio = source.audio()) text.assign(audio->samples.begin(), audio->samples.end());
    co_return std::make_unique<Frames>(std::move(text), format.frame_ms);
  }
  media::MediaCapabilities capabilities(const Call&) override {
    media::MediaCapabilities can;
    can.formats = {{media::Codec::kOpus, 48000, 2, 20}, {static_cast<media::Codec>(9), 8000, 1, 10}};
    can.voices = {{"de-DE", "Käthe"}, {"__proto__", "odd"}};
    return can;
  }
};

}  // namespace trunkline::fake
