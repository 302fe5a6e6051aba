// Our own table of what the sandbox inventory offers, as of 2026-11-26: for every country and territory with a numbering plan one
// line, and in it the kinds of numbers, the area codes with their places, and how many digits follow. Shapes follow the national
// numbering plans (ITU-T E.164); the first numbers of every area code were checked with libphonenumber. Prices are fictitious.
//
//   country|name|calling code|trunk prefix|offer|...      offer: T, G or M (toll-free, geographic, mobile), cents a month,
//   capabilities of calling and sms (Both, Inbound, Outbound, None; R: no resale), then groups of digits/first three and areas.
//   A line that ends with a backslash goes on in the next.
#include "runtime/services/number_plan.h"

namespace trunkline {

// clang-format off
constinit const std::string_view kNumberPlan = R"plan(
AC|Ascension Island|247||G 150 BN 4/557 6=US_Base
AD|Andorra|376||T 250 IN 5/255 180|G 150 BN 4/557 71=Andorra|M 300 BB 4/557 31
AE|United Arab Emirates|971|0|T 250 IN 6/557 800|G 150 BN 7/557 4=Dubai,2=Abu_Dhabi|M 300 BB 7/557 50
AF|Afghanistan|93|0|G 150 BN 6/557 234=Bamian|M 300 BB 7/557 70
AG|Antigua and Barbuda|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/460 268=Antigua_and_Barbuda
AI|Anguilla|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/292 264=Anguilla
AL|Albania|355|0|T 250 IN 4/557 800|G 150 BN 6/557 22=Shkodër|M 300 BB 7/557 67
AM|Armenia|374|0|T 250 IN 5/557 800|G 150 BN 6/557 10=Yerevan-Jrvezh|M 300 BB 6/557 77
AO|Angola|244||G 150 BN 6/557 222=Luanda|M 300 BB 7/557 92
AR|Argentina|54|0|T 250 IN 7/557 800|G 150 BN 8/557 11=Buenos_Aires 7/557 351=Cordoba|M 300 BB 9/123 91
AS|American Samoa|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/274 684=American_Samoa
AT|Austria|43|0|T 250 IN 6/557 800|G 150 BN 9/557 1=Vienna 7/557 316=Graz,662=Salzburg|M 300 BB 7/557 66
AU|Australia|61|0|G 240 BN 8/557 2=Sydney,3=Melbourne,7=Brisbane,8=Perth|M 600 NB 6/557 480
AW|Aruba|297||T 250 IN 4/557 800|G 150 BN 5/557 52=Aruba|M 300 BB 5/557 56
AX|Åland Islands|358|0|G 150 BN 6/557 181=Åland_Islands
AZ|Azerbaijan|994|0|T 250 IN 6/557 881|G 150 BN 6/557 123=Baku|M 300 BB 7/557 40
BA|Bosnia and Herzegovina|387|0|T 250 IN 5/557 801|G 150 BN 6/557 30=Central_Bosnia_Canton|M 300 BB 6/557 61
BB|Barbados|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/270 246=Barbados
BD|Bangladesh|880|0|T 250 IN 7/557 800|G 150 BN 6/200 27=Dhaka|M 300 BB 8/557 18
BE|Belgium|32|0|T 250 IN 5/557 800|G 150 BN 7/557 2=Brussels,3=Antwerp 7/255 9=Ghent|M 300 BB 7/557 45
BF|Burkina Faso|226||G 150 BN 6/490 20=Kaya|M 300 BB 6/557 70
BG|Bulgaria|359|0|T 250 IN 5/557 800|G 150 BN 6/557 2=Sofia 5/557 32=Plovdiv|M 300 BB 6/700 43
BH|Bahrain|973||T 250 IN 5/557 801|G 150 BN 6/557 17=Bahrain|M 300 BB 6/557 36
BI|Burundi|257||G 150 BN 6/557 22=Bujumbura|M 300 BB 6/557 79
BJ|Benin|229||G 150 BN 6/557 0120=Ongala|M 300 BB 8/557 01
BL|Saint Barthélemy|590|0|G 150 BN 6/270 590=Saint_Barthélemy
BM|Bermuda|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/400 441=Bermuda
BN|Brunei|673||G 150 BN 5/557 23=Brunei_Muara|M 300 BB 5/557 71
BO|Bolivia|591|0|T 250 IN 6/171 800|G 150 BN 6/557 22=Bolivia|M 300 BB 6/557 71
BQ|Bonaire, Sint Eustatius and Saba|599||G 150 BN 5/557 71=Bonaire|M 300 BB 5/812 31
BR|Brazil|55|0|T 250 IN 6/557 800|G 150 BN 8/557 11=Sao_Paulo,21=Rio_de_Janeiro,61=Brasilia|M 300 BB 9/961 11
BS|Bahamas|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/340 242=Exuma
BT|Bhutan|975||G 150 BN 5/557 23=Thimphu|M 300 BB 6/557 17
BW|Botswana|267||T 250 IN 7/001 080|G 150 BN 5/557 24=Francistown|M 300 BB 6/557 71
BY|Belarus|375|8|T 250 IN 7/557 801|G 150 BN 6/557 152=Grodno|M 300 BB 7/557 29
BZ|Belize|501||T 250 IN 8/012 080|G 150 BN 5/557 22=Belize_District|M 300 BB 5/557 62
CA|Canada|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/557 416=Toronto/ON,604=Vancouver/BC,514=Montreal/QC,\
  613=Ottawa/ON,403=Calgary/AB,780=Edmonton/AB,204=Winnipeg/MB,306=Regina/SK,902=Halifax/NS,506=Fredericton/NB,\
  709=St._John's/NL,418=Quebec/QC
CC|Cocos Islands|61|0|G 150 BN 6/620 891=Cocos_Island
CD|The Democratic Republic Of Congo|243|0|G 150 BN 5/557 12=Kinshasa|M 300 BB 7/557 99
CF|Central African Republic|236||G 150 BN 6/557 21=Bangui|M 300 BB 6/557 70
CG|Congo|242||G 150 BN 6/557 222=Cuvette|M 300 BB 7/557 06
CH|Switzerland|41|0|T 250 IN 6/557 800|G 150 BN 7/557 44=Zurich,22=Geneva,31=Bern,61=Basel|M 300 BB 7/557 78
CI|Côte d'Ivoire|225||G 150 BN 6/557 2123=Banco|M 300 BB 8/557 01
CK|Cook Islands|682||G 150 BN 4/557 2=Rarotonga
CL|Chile|56||T 250 IN 6/557 800|G 150 BN 8/255 2=Santiago 7/557 32=Valparaiso|M 300 BB 7/557 22
CM|Cameroon|237||T 250 IN 5/557 880|G 150 BN 6/557 222=Cameroon|M 300 BB 7/557 67
CN|China|86|0|T 250 IN 7/557 800|G 150 BN 8/557 10=Beijing,21=Shanghai,20=Guangzhou|M 300 BB 9/557 13
CO|Colombia|57|0|T 250 IN 8/012 180|G 150 BN 7/557 601=Bogota,604=Medellin|M 300 BB 8/255 32
CR|Costa Rica|506||T 250 IN 7/557 800|G 150 BN 6/557 22=Costa_Rica|M 300 BB 6/557 83
CU|Cuba|53|0|T 250 IN 7/557 800|G 150 BN 6/557 71=Havana_City|M 300 BB 6/557 51
CV|Cape Verde|238||T 250 IN 4/557 800|G 150 BN 5/557 22=Ribeira_Grande|M 300 BB 5/557 99
CW|Curaçao|599||G 150 BN 6/300 94=Curaçao|M 300 BB 6/255 95
CX|Christmas Island|61|0|G 150 BN 6/640 891=Christmas_Island
CY|Cyprus|357||T 250 IN 5/557 800|G 150 BN 6/557 22=Nicosia|M 300 BB 6/557 96
CZ|Czech Republic|420||T 250 IN 6/557 800|G 150 BN 8/557 2=Prague 7/557 54=Brno|M 300 BB 7/557 60
DE|Germany|49|0|T 200 IN 7/557 800|G 100 BN 8/557 30=Berlin,89=Munich,40=Hamburg,69=Frankfurt_am_Main 7/557 221=Cologne,\
  711=Stuttgart
DJ|Djibouti|253||G 150 BN 6/557 21=Djibouti|M 300 BB 6/557 77
DK|Denmark|45||T 250 IN 5/557 801|G 150 BN 6/557 33=Copenhagen,86=Aarhus|M 300 BB 6/557 34
DM|Dominica|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/255 767=Dominica
DO|Dominican Republic|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/557 809=Dominican_Republic
DZ|Algeria|213|0|T 250 IN 6/557 800|G 150 BN 6/557 12=Algeria|M 300 BB 7/557 55
EC|Ecuador|593|0|T 250 IN 8/012 180|G 150 BN 6/557 22=Pichincha|M 300 BB 7/557 99
EE|Estonia|372||T 250 IN 5/123 800|G 150 BN 6/557 6=Tallinn|M 300 BB 6/557 51
EG|Egypt|20|0|T 250 IN 7/557 800|G 150 BN 8/557 2=Cairo|M 300 BB 8/557 10
ER|Eritrea|291|0|G 150 BN 5/557 83=Eritrea|M 300 BB 5/557 71
ES|Spain|34||T 250 IN 6/557 800|G 150 BN 7/557 91=Madrid,93=Barcelona,96=Valencia|M 300 BB 7/557 61
ET|Ethiopia|251|0|G 150 BN 6/557 111=Arada_I|M 300 BB 7/557 91
FI|Finland|358|0|T 250 IN 6/557 800|G 150 BN 8/557 9=Helsinki,3=Tampere,2=Turku|M 300 BB 7/557 41
FJ|Fiji|679||T 250 IN 8/012 080|G 150 BN 5/557 32=Suva_City-Nausori-Korovou|M 300 BB 5/557 70
FK|Falkland Islands|500||G 150 BN 4/557 3=Falkland_Islands
FM|Micronesia|691||G 150 BN 5/010 32=Micronesia|M 300 BB 5/012 35
FO|Faroe Islands|298||T 250 IN 3/557 802|G 150 BN 4/557 20=Faroe_Islands|M 300 BB 4/557 21
FR|France|33|0|T 1600 BNR 7/557 80|G 100 BNR 8/557 1=Paris,4=Marseille,2=Rennes,3=Lille,5=Bordeaux
GA|Gabon|241||G 150 BN 6/557 01=Libreville|M 300 BB 6/557 06
GB|United Kingdom|44|0|T 200 IN 7/557 800,808|G 100 BN 8/300 20=London 7/557 121=Birmingham,161=Manchester,131=Edinburgh,\
  141=Glasgow,113=Leeds,151=Liverpool 7/255 117=Bristol|M 150 BB 6/557 7400,7401
GD|Grenada|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/800 473=Grenada
GE|Georgia|995|0|T 250 IN 6/557 800|G 150 BN 6/557 322=Tbilisi|M 300 BB 7/557 55
GF|French Guiana|594|0|T 250 IN 6/557 800|G 150 BN 6/255 594=French_Guiana|M 300 BB 7/400 69
GG|Guernsey|44|0|G 150 BN 6/557 1481=Guernsey|M 300 BB 8/811 77
GH|Ghana|233|0|T 250 IN 5/557 800|G 150 BN 6/557 302=Accra|M 300 BB 7/557 23
GI|Gibraltar|350||G 150 BN 6/255 20=Gibraltar|M 300 BB 6/557 57
GL|Greenland|299||T 250 IN 3/557 801|G 150 BN 4/557 32=Nuuk|M 300 BB 4/557 22
GM|Gambia|220||G 150 BN 5/600 56=Baja_Kunda-Basse-Fatoto-Gambisara-Garawol-Misera-Sambakunda-Sudowol|M 300 BB 5/557 30
GN|Guinea|224||G 150 BN 6/240 30=Fria|M 300 BB 7/557 60
GP|Guadeloupe|590|0|T 250 IN 6/557 800|G 150 BN 6/557 590=Guadeloupe|M 300 BB 7/000 69
GQ|Equatorial Guinea|240||T 250 IN 6/557 800|G 150 BN 6/070 333=Bioko|M 300 BB 7/255 22
GR|Greece|30||T 250 IN 7/557 800|G 150 BN 8/557 21=Athens 7/557 231=Thessaloniki|M 300 BB 8/557 69
GT|Guatemala|502||T 250 IN 8/557 180|G 150 BN 6/557 22=Guatemala|M 300 BB 6/557 51
GU|Guam|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/255 671=Guam
GW|Guinea-Bissau|245||G 150 BN 6/557 443=Bissau|M 300 BB 7/557 95
GY|Guyana|592||T 250 IN 4/557 289|G 150 BN 5/557 22=B-V_Central|M 300 BB 5/557 60
HK|Hong Kong|852||T 250 IN 6/557 800|G 150 BN 7/557 2=Hong_Kong|M 300 BB 6/255 51
HN|Honduras|504||T 250 IN 8/255 800|G 150 BN 6/557 22=Rdsi_Tegucigalpa_(Pri3)|M 300 BB 6/557 91
HR|Croatia|385|0|T 250 IN 6/557 800|G 150 BN 7/557 1=Zagreb|M 300 BB 7/557 92
HT|Haiti|509||T 250 IN 5/557 800|G 150 BN 6/557 22=Haiti|M 300 BB 6/557 34
HU|Hungary|36|06|T 250 IN 5/557 801|G 150 BN 7/557 1=Budapest 6/557 52=Debrecen|M 300 BB 7/557 20
ID|Indonesia|62|0|T 250 IN 7/557 800|G 150 BN 7/557 21=Jakarta|M 300 BB 7/557 81
IE|Ireland|353|0|G 100 BNR 7/557 1=Dublin,21=Cork 6/557 91=Galway|M 300 BBR 7/557 83
IL|Israel|972|0|T 250 IN 7/012 180|G 150 BN 7/557 2=Jerusalem,3=Tel_Aviv|M 300 BB 7/557 50
IM|Isle Of Man|44|0|G 150 BN 6/557 1624=Isle_of_Man
IN|India|91|0|T 250 IN 7/012 180|G 150 BN 8/557 11=New_Delhi,22=Mumbai,80=Bengaluru|M 300 BB 8/557 81
IO|British Indian Ocean Territory|246||G 150 BN 5/557 37=British_Indian_Ocean_Territory|M 300 BB 5/557 38
IQ|Iraq|964|0|G 150 BN 6/557 12=Iraq|M 300 BB 8/557 79
IR|Iran|98|0|G 150 BN 6/557 2123=Tehran_province|M 300 BB 8/557 91
IS|Iceland|354||T 250 IN 4/557 800|G 150 BN 6/557 5=Reykjavik|M 300 BB 5/557 61
IT|Italy|39||T 250 IN 6/557 800|G 150 BN 8/557 02=Milan,06=Rome 7/557 011=Turin,081=Naples|M 300 BB 8/557 31
JE|Jersey|44|0|G 150 BN 6/557 1534=Jersey|M 300 BB 8/977 77
JM|Jamaica|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/610 876=Jamaica
JO|Jordan|962|0|T 250 IN 5/557 800|G 150 BN 6/500 62=Amman|M 300 BB 7/557 79
JP|Japan|81|0|T 250 IN 6/557 120|G 150 BN 8/557 3=Tokyo,6=Osaka 7/557 52=Nagoya|M 300 BB 8/557 90
KE|Kenya|254|0|T 250 IN 6/557 800|G 150 BN 7/557 20=Nairobi|M 300 BB 7/557 71
KG|Kyrgyzstan|996|0|T 250 IN 6/557 800|G 150 BN 6/557 312=Bishkek|M 300 BB 7/557 70
KH|Cambodia|855|0|T 250 IN 7/012 180|G 150 BN 6/255 23=Cambodia|M 300 BB 6/557 91
KI|Kiribati|686|0|G 150 BN 4/557 3=North_Tarawa|M 300 BB 6/557 72
KM|Comoros|269||G 150 BN 5/557 77=Mutsamudu|M 300 BB 5/557 32
KN|Saint Kitts And Nevis|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/460 869=Saint_Kitts_And_Nevis
KP|North Korea|850|0|G 150 BN 6/557 21=Pyongyang|M 300 BB 8/255 19
KR|South Korea|82|0|T 250 IN 6/557 801|G 150 BN 7/557 2=Seoul 8/557 51=Busan|M 300 BB 8/557 10
KW|Kuwait|965||T 250 IN 4/557 180|G 150 BN 6/557 22=Kuwait|M 300 BB 6/557 50
KY|Cayman Islands|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/800 345=Cayman_Islands
KZ|Kazakhstan|7|8|G 150 BN 6/557 7123=Indernborski|M 300 BB 8/557 77
LA|Laos|856|0|G 150 BN 6/557 21=Laos|M 300 BB 8/557 20
LB|Lebanon|961|0|G 150 BN 5/557 11=Lebanon|M 300 BB 6/557 71
LC|Saint Lucia|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/430 758=Saint_Lucia
LI|Liechtenstein|423|0|T 250 IN 4/220 800|G 150 BN 5/557 23=Liechtenstein|M 300 BB 7/557 66
LK|Sri Lanka|94|0|G 150 BN 6/557 112=Colombo|M 300 BB 7/557 71
LR|Liberia|231|0|G 150 BN 6/557 21=Liberia|M 300 BB 7/557 77
LS|Lesotho|266||T 250 IN 5/557 800|G 150 BN 6/557 22=Maseru|M 300 BB 6/557 50
LT|Lithuania|370|0|T 250 IN 5/557 800|G 150 BN 7/255 5=Vilnius|M 300 BB 6/557 61
LU|Luxembourg|352||T 250 IN 5/557 800|G 150 BN 7/557 2=Luxembourg|M 300 BB 7/800 62
LV|Latvia|371||T 250 IN 5/557 801|G 150 BN 6/557 67=Riga|M 300 BB 6/557 21
LY|Libya|218|0|G 150 BN 6/557 212=Tripoli|M 300 BB 7/557 91
MA|Morocco|212|0|T 250 IN 6/557 801|G 150 BN 6/557 520=Casablanca|M 300 BB 7/557 65
MC|Monaco|377|0|T 250 IN 5/557 901|G 150 BN 6/557 99=Monaco|M 300 BB 7/557 61
MD|Moldova|373|0|T 250 IN 5/557 800|G 150 BN 6/557 22=Chisinau|M 300 BB 6/557 62
ME|Montenegro|382|0|T 250 IN 5/557 800|G 150 BN 6/557 30=Bar-Ulcinj|M 300 BB 6/557 60
MF|Saint Martin|590|0|G 150 BN 6/300 590=Saint_Martin
MG|Madagascar|261|0|G 150 BN 6/557 202=Madagascar|M 300 BB 7/557 32
MH|Marshall Islands|692|1|G 150 BN 5/700 24=Marshall_Islands|M 300 BB 5/557 23
MK|Macedonia|389|0|T 250 IN 5/557 800|G 150 BN 6/557 22=Skopje|M 300 BB 6/557 72
ML|Mali|223||T 250 IN 5/557 800|G 150 BN 6/255 20=Bamako|M 300 BB 6/557 65
MM|Myanmar|95|0|T 250 IN 7/802 800|G 150 BN 5/557 12=Myanmar|M 300 BB 6/255 92
MN|Mongolia|976|0|G 150 BN 6/557 53=Mongolia|M 300 BB 6/557 88
MO|Macau|853||T 250 IN 4/050 080|G 150 BN 6/557 28=Macao|M 300 BB 6/557 66
MP|Northern Mariana Islands|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/670 670=Northern_Mariana_Islands
MQ|Martinique|596|0|T 250 IN 6/557 800|G 150 BN 6/557 596=Martinique|M 300 BB 7/600 69
MR|Mauritania|222||T 250 IN 5/557 800|G 150 BN 6/557 35=Mauritania|M 300 BB 6/557 22
MS|Montserrat|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/410 664=Montserrat
MT|Malta|356||T 250 IN 5/300 800|G 150 BN 6/557 21=Valletta|M 300 BB 6/961 96
MU|Mauritius|230||T 250 IN 4/557 800|G 150 BN 6/557 54=Mauritius|M 300 BB 6/557 52
MV|Maldives|960||T 250 IN 7/557 800|G 150 BN 5/255 67=Vaavu|M 300 BB 5/557 77
MW|Malawi|265|0|G 150 BN 5/557 12=Malawi|M 300 BB 7/557 99
MX|Mexico|52||T 250 IN 7/557 800|G 150 BN 8/557 55=Mexico_City,33=Guadalajara,81=Monterrey|M 300 BB 8/557 22
MY|Malaysia|60|0|T 250 IN 7/012 130|G 150 BN 8/557 3=Kuala_Lumpur|M 300 BB 7/557 12
MZ|Mozambique|258||T 250 IN 6/557 800|G 150 BN 6/557 21=Maputo|M 300 BB 7/557 82
NA|Namibia|264|0|T 250 IN 6/557 800|G 150 BN 6/255 61=Windhoek|M 300 BB 7/557 81
NC|New Caledonia|687||T 250 IN 3/557 050|G 150 BN 4/557 20=New_Caledonia|M 300 BB 4/557 75
NE|Niger|227||T 250 IN 5/557 081|G 150 BN 6/200 20=Niamey|M 300 BB 6/557 93
NF|Norfolk Island|672||G 150 BN 4/600 10=Davis|M 300 BB 4/557 38
NG|Nigeria|234|0|T 250 IN 8/557 800|G 150 BN 6/557 2033=New_Bussa|M 300 BB 8/557 80
NI|Nicaragua|505||T 250 IN 5/012 180|G 150 BN 6/557 21=Nicaragua|M 300 BB 6/557 81
NL|Netherlands|31|0|T 250 IN 4/557 800|G 150 BN 7/557 20=Amsterdam,10=Rotterdam,70=The_Hague,30=Utrecht|M 300 BB 7/557 61
NO|Norway|47||T 250 IN 5/557 800|G 150 BN 6/557 22=Oslo,55=Bergen,51=Stavanger|M 300 BB 6/557 40
NP|Nepal|977|0|T 250 IN 8/001 166|G 150 BN 6/557 14=Nepal|M 300 BB 8/557 98
NR|Nauru|674||G 150 BN 5/400 44=Nauru|M 300 BB 5/557 55
NU|Niue|683||M 300 BB 5/840 88
NZ|New Zealand|64|0|T 250 IN 6/557 800|G 150 BN 7/557 9=Auckland,4=Wellington,3=Christchurch|M 300 BB 7/557 21
OM|Oman|968||T 250 IN 5/557 800|G 150 BN 6/557 23=Dhofar_&_Al_Wusta|M 300 BB 6/557 92
PA|Panama|507||T 250 IN 4/557 800|G 150 BN 5/557 20=Panama|M 300 BB 6/557 61
PE|Peru|51|0|T 250 IN 5/557 800|G 150 BN 7/557 1=Lima|M 300 BB 7/557 91
PF|French Polynesia|689||T 250 IN 6/557 800|G 150 BN 6/557 40=Îles_du_Vent(IDV)|M 300 BB 6/557 87
PG|Papua New Guinea|675||T 250 IN 4/557 180|G 150 BN 5/557 31=NCD|M 300 BB 6/557 70
PH|Philippines|63|0|T 250 IN 9/012 180|G 150 BN 8/557 2=Manila|M 300 BB 8/557 90
PK|Pakistan|92|0|T 250 IN 5/557 800|G 150 BN 6/557 2123=Karachi|M 300 BB 8/557 30
PL|Poland|48||T 250 IN 6/557 800|G 150 BN 7/557 22=Warsaw,12=Krakow,58=Gdansk|M 300 BB 7/557 51
PM|Saint Pierre And Miquelon|508|0|T 250 IN 6/557 800|G 150 BN 4/557 43=Saint_Pierre_And_Miquelon|M 300 BB 4/557 55
PR|Puerto Rico|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/557 787=San_Juan
PS|Palestine|970|0|T 250 IN 7/012 180|G 150 BN 6/255 22=Jericho-Hebron|M 300 BB 7/557 59
PT|Portugal|351||T 250 IN 6/557 800|G 150 BN 7/557 21=Lisbon,22=Porto|M 300 BB 7/557 91
PW|Palau|680||G 150 BN 5/700 27=Angaur_State|M 300 BB 5/012 62
PY|Paraguay|595|0|T 250 IN 8/001 980|G 150 BN 6/557 212=Fernando_De_La_Mora|M 300 BB 7/255 96
QA|Qatar|974||T 250 IN 4/557 800|G 150 BN 6/557 44=Qatar|M 300 BB 6/557 33
RE|Reunion|262|0|T 250 IN 6/557 801|G 150 BN 6/557 262=Reunion|M 300 BB 7/255 69
RO|Romania|40|0|T 250 IN 6/557 800|G 150 BN 7/557 21=Bucharest 6/557 264=Cluj-Napoca|M 300 BB 7/255 71
RS|Serbia|381|0|T 250 IN 5/557 800|G 150 BN 6/557 10=Pirot|M 300 BB 7/557 60
RU|Russia|7|8|T 250 IN 7/557 800|G 150 BN 7/557 495=Moscow,812=Saint_Petersburg|M 300 BB 8/557 91
RW|Rwanda|250|0|T 250 IN 6/557 800|G 150 BN 6/557 250=Rwanda|M 300 BB 7/557 72
SA|Saudi Arabia|966|0|T 250 IN 7/557 800|G 150 BN 7/557 11=Riyadh,12=Jeddah|M 300 BB 7/557 51
SB|Solomon Islands|677||T 250 IN 2/557 181|G 150 BN 4/255 4=Solomon_Islands|M 300 BB 5/557 74
SC|Seychelles|248||T 250 IN 4/800 800|G 150 BN 5/557 42=Seychelles|M 300 BB 5/557 25
SD|Sudan|249|0|G 150 BN 6/557 153=Khartoum|M 300 BB 7/557 91
SE|Sweden|46|0|T 250 IN 5/557 201|G 150 BN 6/557 8=Stockholm 7/557 31=Gothenburg 5/557 40=Malmo|M 300 BB 7/557 70
SG|Singapore|65||T 250 IN 8/012 180|G 150 BN 7/557 6=Singapore|M 300 BB 6/557 81
SH|Saint Helena|290||G 150 BN 4/557 2=Jamestown
SI|Slovenia|386|0|T 250 IN 5/557 801|G 150 BN 7/557 1=Ljubljana|M 300 BB 6/557 31
SJ|Svalbard And Jan Mayen|47||G 150 BN 6/557 79=Svalbard_&_Jan_Mayen
SK|Slovakia|421|0|T 250 IN 6/557 800|G 150 BN 8/557 2=Bratislava|M 300 BB 7/557 91
SL|Sierra Leone|232|0|G 150 BN 6/255 22=Freetown|M 300 BB 6/557 25
SM|San Marino|378||G 150 BN 6/800 0549=San_Marino|M 300 BB 6/557 66
SN|Senegal|221||T 250 IN 6/557 800|G 150 BN 6/557 301=Senegal|M 300 BB 7/557 70
SO|Somalia|252|0|G 150 BN 5/557 40=Garowe|M 300 BB 6/557 71
SR|Suriname|597||T 250 IN 4/557 801|G 150 BN 4/557 21=Suriname|M 300 BB 5/557 74
SS|South Sudan|211|0|G 150 BN 6/557 181=South_Sudan|M 300 BB 7/557 97
ST|Sao Tome And Principe|239||G 150 BN 5/557 22=Água_Grande|M 300 BB 5/557 98
SV|El Salvador|503||T 250 IN 4/557 800|G 150 BN 6/557 21=El_Salvador|M 300 BB 6/557 70
SX|Sint Maarten (Dutch part)|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/590 721=Sint_Maarten_(Dutch_part)
SY|Syria|963|0|G 150 BN 6/557 112=Damascus_and_rural_areas|M 300 BB 7/557 94
SZ|Swaziland|268||T 250 IN 5/012 080|G 150 BN 6/557 22=Hlathikulu|M 300 BB 6/557 76
TC|Turks And Caicos Islands|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/940 649=Turks_And_Caicos_Islands
TD|Chad|235||G 150 BN 6/557 22=Chad|M 300 BB 6/557 63
TG|Togo|228||G 150 BN 6/557 22=Lome|M 300 BB 6/557 90
TH|Thailand|66|0|T 250 IN 7/012 180|G 150 BN 7/557 2=Bangkok|M 300 BB 7/557 81
TJ|Tajikistan|992||G 150 BN 6/557 372=Dushanbe|M 300 BB 7/557 91
TL|Timor-Leste|670||T 250 IN 4/557 801|G 150 BN 5/557 21=Manufahi|M 300 BB 6/557 77
TM|Turkmenistan|993|8|G 150 BN 6/557 12=Ahal|M 300 BB 6/557 66
TN|Tunisia|216||T 250 IN 5/012 801|G 150 BN 6/557 30=Tunisia|M 300 BB 6/557 20
TO|Tonga|676||T 250 IN 4/022 080|G 150 BN 4/557 2=Nuku'alofa|M 300 BB 5/557 77
TR|Turkey|90|0|T 250 IN 7/557 800|G 150 BN 7/557 212=Istanbul,312=Ankara|M 300 BB 8/557 50
TT|Trinidad and Tobago|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/220 868=Trinidad_and_Tobago
TV|Tuvalu|688||G 150 BN 4/557 2=Funafuti|M 300 BB 4/557 90
TW|Taiwan|886|0|T 250 IN 6/557 800|G 150 BN 8/557 2=Taipei|M 300 BB 7/557 91
TZ|Tanzania|255|0|T 250 IN 6/557 800|G 150 BN 6/557 222=Dar-Es-Salaam|M 300 BB 7/557 62
UA|Ukraine|380|0|T 250 IN 6/557 800|G 150 BN 7/557 44=Kyiv,32=Lviv|M 300 BB 7/557 50
UG|Uganda|256|0|T 250 IN 6/255 800|G 150 BN 6/557 312=Uganda|M 300 BB 7/557 71
US|United States|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/557 425=Bellevue/WA,206=Seattle/WA,212=New_York/NY,\
  646=New_York/NY,332=New_York/NY,415=San_Francisco/CA,213=Los_Angeles/CA,619=San_Diego/CA,512=Austin/TX,214=Dallas/TX,\
  713=Houston/TX,303=Denver/CO,617=Boston/MA,312=Chicago/IL,305=Miami/FL,813=Tampa/FL,404=Atlanta/GA,215=Philadelphia/PA,\
  412=Pittsburgh/PA,602=Phoenix/AZ,503=Portland/OR,702=Las_Vegas/NV,313=Detroit/MI,612=Minneapolis/MN,314=St._Louis/MO,\
  504=New_Orleans/LA,615=Nashville/TN,704=Charlotte/NC,216=Cleveland/OH,317=Indianapolis/IN,414=Milwaukee/WI,\
  801=Salt_Lake_City/UT,907=Anchorage/AK,808=Honolulu/HI,202=Washington/DC,201=Jersey_City/NJ,410=Baltimore/MD,804=Richmond/VA,\
  401=Providence/RI,203=New_Haven/CT,505=Santa_Fe/NM,208=Boise/ID,406=Billings/MT,402=Omaha/NE,405=Oklahoma_City/OK,\
  501=Little_Rock/AR,502=Louisville/KY,515=Des_Moines/IA,601=Jackson/MS,205=Birmingham/AL,803=Columbia/SC,304=Charleston/WV,\
  302=Wilmington/DE,316=Wichita/KS,603=Manchester/NH,802=Burlington/VT,207=Portland/ME,701=Fargo/ND,605=Sioux_Falls/SD,\
  307=Cheyenne/WY
UY|Uruguay|598|0|T 250 IN 4/557 800|G 150 BN 6/557 21=Montevideo|M 300 BB 6/557 94
UZ|Uzbekistan|998||G 150 BN 6/557 669=Uzbekistan|M 300 BB 7/557 91
VA|Vatican|39||G 150 BN 6/800 0669=Vatican_City
VC|Saint Vincent And The Grenadines|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|\
  G 100 BB 7/370 784=Saint_Vincent_And_The_Grenadines
VE|Venezuela|58|0|T 250 IN 7/557 800|G 150 BN 6/557 2121=Caracas-Miranda-Vargas|M 300 BB 8/557 41
VG|British Virgin Islands|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/229 284=British_Virgin_Islands
VI|U.S. Virgin Islands|1|1|T 200 BB 7/557 833,844,855,866,877,888,800|G 100 BB 7/200 340=U.S._Virgin_Islands
VN|Vietnam|84|0|T 250 IN 7/012 180|G 150 BN 8/557 24=Hanoi,28=Ho_Chi_Minh_City|M 300 BB 7/557 91
VU|Vanuatu|678||T 250 IN 2/557 811|G 150 BN 4/557 2=Port_Vila|M 300 BB 5/557 59
WF|Wallis And Futuna|681||T 250 IN 6/557 800|G 150 BN 4/557 72=Wallis_And_Futuna|M 300 BB 4/557 82
WS|Samoa|685||T 250 IN 3/557 800|G 150 BN 4/557 2=Apia|M 300 BB 5/557 72
XK|Kosovo|383|0|T 250 IN 5/557 800|G 150 BN 6/557 28=Gjilan|M 300 BB 6/557 43
YE|Yemen|967|0|G 150 BN 5/557 12=Sanaa|M 300 BB 7/557 71
YT|Mayotte|262|0|G 150 BN 6/500 269=Mayotte|M 300 BB 7/901 63
ZA|South Africa|27|0|T 250 IN 6/557 801|G 150 BN 7/557 11=Johannesburg,21=Cape_Town|M 300 BB 7/557 71
ZM|Zambia|260|0|T 250 IN 6/557 800|G 150 BN 6/557 211=Lusaka_Province|M 300 BB 7/557 95
ZW|Zimbabwe|263|0|T 250 IN 4/557 800|G 150 BN 6/400 202=Mutare|M 300 BB 7/557 71
)plan";
// clang-format on

}  // namespace trunkline
